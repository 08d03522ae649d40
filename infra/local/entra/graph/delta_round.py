"""One round of a delta query: the tracked properties, the range of changes, and the position of the reader."""

from http import HTTPStatus

import msgspec

from infra.local.entra.graph.call import Call
from infra.local.entra.graph.paging import SKIP_TOKEN
from infra.local.entra.graph.seals import BadSeal, open_seal, seal
from infra.local.entra.graph.visible import group_fields, user_fields
from infra.local.entra.http.answers import GraphError, bad_request
from infra.local.entra.odata.entity_types import GROUP, USER
from infra.local.entra.odata.filters import parse
from infra.local.entra.state.change_log import MEMBERS
from infra.local.entra.state.group import Kind
from infra.local.entra.state.person import MANAGER

DELTA_TOKEN = "$deltatoken"  # noqa: S105 - a parameter's name
LATEST = "latest"

_IDS_A_FILTER = 50
_FIRST_REQUEST = frozenset({"$select", "$filter", DELTA_TOKEN, "$format"})


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """Content of a delta token. `since` and `upto` are positions in the directory's change log."""

    tenant_id: str
    application_id: str
    kind: Kind
    select: tuple[str, ...] | None
    ids: tuple[str, ...]  #: ids of `$filter=id eq ...`; empty: all objects
    listing: bool  #: whether this is the first round, which lists all objects
    since: int
    upto: int
    offset: int = 0  #: -1: the round starts with an empty page
    at_s: float

    @property
    def with_members(self) -> bool:
        """Whether the members of groups are tracked."""
        return self.kind is Kind.GROUP and (self.select is None or MEMBERS in self.select)

    @property
    def fields(self) -> tuple[str, ...]:
        """The tracked properties, the id first."""
        chosen = group_fields(self.select) if self.kind is Kind.GROUP else user_fields(self.select)
        tracked = (MANAGER,) if self.kind is Kind.USER and MANAGER in (self.select or ()) else ()
        return ("id", *(name for name in chosen if name != "id"), *tracked)


def round_of(call: Call, kind: Kind) -> tuple[Round, bool]:
    """Return the round that the request continues or starts, and whether it only needs a token (`$deltatoken=latest`).

    Raises:
        GraphError: 400, 410.
    """
    parameters = call.target.parameters
    if parameters.get(SKIP_TOKEN):
        return _opened(call, kind, parameters[SKIP_TOKEN]), False
    token = parameters.get(DELTA_TOKEN, "")
    if token and token != LATEST:
        last = _opened(call, kind, token)
        upto = max(last.upto, call.directory.log.last(older_than_s=call.state.settings.delta_lag_s))
        since = last.since if call.state.settings.delta_replays else last.upto
        begun = msgspec.structs.replace(last, listing=False, since=since, upto=upto)
        return _begin(call, begun), False
    return _begin(call, _first(call, kind)), token == LATEST


def next_link(call: Call, here: Round, offset: int) -> str:
    """Return the address of the round's page at `offset`."""
    return call.link({SKIP_TOKEN: seal(msgspec.structs.replace(here, offset=offset))})


def delta_link(call: Call, here: Round) -> str:
    """Return the address of the next round."""
    done = msgspec.structs.replace(here, offset=0, at_s=call.state.clock.epoch_s())
    return call.link({DELTA_TOKEN: seal(done)})


def _begin(call: Call, begun: Round) -> Round:
    offset = -1 if call.state.settings.delta_empty_pages else 0
    return msgspec.structs.replace(begun, offset=offset, at_s=call.state.clock.epoch_s())


def _first(call: Call, kind: Kind) -> Round:
    parameters = call.target.parameters
    for name in parameters:
        if name.startswith("$") and name not in _FIRST_REQUEST:
            raise bad_request(f"Query option '{name}' is not supported with delta queries.", "BadRequest")
    upto = call.directory.log.last(older_than_s=call.state.settings.delta_lag_s)
    query = call.query(GROUP if kind is Kind.GROUP else USER)
    return Round(
        tenant_id=call.principal.tid,
        application_id=call.principal.appid,
        kind=kind,
        select=query.select,
        ids=_ids(parameters.get("$filter")),
        listing=True,
        since=upto,
        upto=upto,
        at_s=call.state.clock.epoch_s(),
    )


def _ids(condition: str | None) -> tuple[str, ...]:
    if condition is None:
        return ()
    ids = parse(condition).ids()
    if ids is None or len(ids) > _IDS_A_FILTER:
        raise bad_request(f"Delta queries can only be filtered by up to {_IDS_A_FILTER} ids.")
    return tuple(sorted(ids))


def _opened(call: Call, kind: Kind, token: str) -> Round:
    try:
        opened = open_seal(token, Round)
    except BadSeal as error:
        raise bad_request("The delta token is not valid.") from error
    if (opened.tenant_id, opened.application_id, opened.kind) != (call.principal.tid, call.principal.appid, kind):
        raise bad_request("The delta token was issued for another tenant, application or resource.")
    if call.state.clock.epoch_s() - opened.at_s > call.state.settings.delta_token_lifetime_s:
        raise _expired(call, opened)
    return opened


def _expired(call: Call, expired: Round) -> GraphError:
    if call.state.settings.delta_expired == "syncStateNotFound":
        return bad_request(
            "The sync state generation is not found; continuing from it is impossible.", "syncStateNotFound"
        )
    select = {"$select": ",".join(expired.select)} if expired.select else {}
    return GraphError(
        HTTPStatus.GONE,
        "resyncRequired",
        "Resync required. Replace any local items with the server's version.",
        headers={"Location": call.link({**select, DELTA_TOKEN: ""})},
    )
