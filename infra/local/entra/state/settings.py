"""Behaviour that a test can change through the admin API (`PATCH /admin/settings`)."""

from typing import Literal

import msgspec

from infra.local.entra.odata.queries import PAGE_MAX

DAY_S = 86_400.0


class Settings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Settings of the simulator. By default, every disturbance is off, and the real throttling limits apply."""

    latency_ms: float = 0.0  #: delay before each request to login and Graph is processed, as a network round trip
    throttling: bool = True
    throttle_limit_units: int | None = (
        None  #: resource units per 10 s; None: the documented limit for the size of the tenant
    )
    page_size_max: int = PAGE_MAX  #: maximum page size, regardless of `$top`: Graph may always return fewer items
    token_lifetime_s: int = 3599
    page_token_lifetime_s: float = 3600.0
    delta_token_lifetime_s: float = 7 * DAY_S
    delta_expired: Literal["gone", "syncStateNotFound"] = "gone"  #: 410 with Location, or 400
    delta_page_size: int = 200
    delta_replays: bool = False  #: each round starts with the changes of the previous round
    delta_duplicates: bool = False  #: the first item of each page is repeated
    delta_empty_pages: bool = False  #: each round starts with an empty page that has a nextLink
    delta_unknown_removals: bool = False  #: each round reports the removal of an object that was never listed
    delta_lag_s: float = 0.0  #: changes younger than this are reported in a later round
    delta_histories: bool = False  #: every change of a user is an item of its own, with only what it changed
    delta_nameless: bool = False  #: the user principal names of changed users are null
    listing_lag_s: float = 0.0  #: lists of users and members come from a replica without changes younger than this
    operator: str = ""  #: name of the directory that the managed identity lives in; empty: one that has no users here
    withheld: tuple[str, ...] = ()  #: properties of users that are null for every caller: attribute-level restrictions
    hidden_membership: Literal["forbidden", "empty"] = "forbidden"  #: response without Member.Read.Hidden
    batch_in_order: bool = False  #: as in Graph, the responses of a batch have an arbitrary order, unless this is set

    def changed(self, changes: bytes) -> "Settings":
        """Return a copy with the members of the JSON object `changes`.

        Raises:
            msgspec.ValidationError: A name or a value is unknown.
        """
        wanted = msgspec.json.decode(changes, type=dict[str, object])
        return msgspec.convert({**msgspec.structs.asdict(self), **wanted}, Settings)
