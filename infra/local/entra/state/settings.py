"""Behaviour that a test may switch through the admin API (`PATCH /admin/settings`)."""

from typing import Literal

import msgspec

from infra.local.entra.odata.queries import PAGE_MAX

DAY_S = 86_400.0


class Settings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The defaults behave; everything unpleasant is off, except that the real throttling limits hold."""

    latency_ms: float = 0.0  #: waited before each request to login and Graph is looked at, as the way there and back
    throttling: bool = True
    throttle_limit_units: int | None = None  #: resource units per 10 s; None: Microsoft's, by tenant size
    page_size_max: int = PAGE_MAX  #: no page holds more, whatever `$top` asks for: Graph may always give less
    token_lifetime_s: int = 3599
    page_token_lifetime_s: float = 3600.0
    delta_token_lifetime_s: float = 7 * DAY_S
    delta_expired: Literal["gone", "syncStateNotFound"] = "gone"  #: 410 with Location, or 400
    delta_page_size: int = 200
    delta_replays: bool = False  #: each round begins with the changes of the round before
    delta_duplicates: bool = False  #: the first item of each page comes twice
    delta_empty_pages: bool = False  #: each round begins with an empty page that has a nextLink
    delta_unknown_removals: bool = False  #: each round removes an object that was never listed
    delta_lag_s: float = 0.0  #: changes younger than this are left for a later round
    hidden_membership: Literal["forbidden", "empty"] = "forbidden"  #: without Member.Read.Hidden
    batch_in_order: bool = False  #: Graph answers a batch in an order of its own; so do we, unless this is set

    def changed(self, changes: bytes) -> "Settings":
        """A copy with the members of the JSON object `changes`.

        Raises:
            msgspec.ValidationError: a name or a value is unknown.
        """
        wanted = msgspec.json.decode(changes, type=dict[str, object])
        return msgspec.convert({**msgspec.structs.asdict(self), **wanted}, Settings)
