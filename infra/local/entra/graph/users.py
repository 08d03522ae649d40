"""`/users` and one user."""

from collections.abc import Iterator
from functools import partial

from infra.local.entra.graph.call import READ_ACTIVITY, Call
from infra.local.entra.graph.paging import start_of, take_page
from infra.local.entra.graph.visible import readable, user_fields
from infra.local.entra.http.answers import (
    PLAIN,
    Answer,
    bad_request,
    collection,
    entity,
    forbidden,
    not_found,
)
from infra.local.entra.odata.entity_types import USER
from infra.local.entra.odata.queries import Query
from infra.local.entra.state.person import SIGN_IN_ACTIVITY, user_value
from infra.local.entra.state.users import View, encode_user


def list_users(call: Call) -> Answer:
    """Return a page of users, in arbitrary order unless the query sorts them."""
    query = call.query(USER, expandable=True)
    view = _view(call, query)
    users = call.directory.users
    after = start_of(call)
    if query.order:
        ordered = sorted_positions(call, query)
        page = take_page(call, ordered[int(after or 0) :], query.top, lambda pair: str(pair[0] + 1))
        positions = [position for _, position in page.items]
        annotations = page.annotations
    else:
        plain = take_page(call, _matching(call, query, int(after or -1) + 1), query.top, str)
        positions, annotations = list(plain.items), plain.annotations
    if query.count and query.eventual and not after:
        annotations = {"@odata.count": count_matching(call, query), **annotations}
    fragments = list(map(users.shown(view), positions))
    return collection(call.context("users", query.select), fragments, annotations)


def count_users(call: Call) -> Answer:
    """Return the response to `/users/$count`: a number as plain text."""
    query = call.query(USER)
    if not query.eventual:
        raise bad_request("$count is not currently supported.")
    return Answer(body=str(count_matching(call, query)).encode(), content_type=PLAIN)


def get_user(call: Call) -> Answer:
    """Return one user, by object id or user principal name."""
    query = call.query(USER, listing=False, expandable=True)
    view = _view(call, query)
    user = call.directory.users.find(call.places["user"])
    if user is None:
        raise not_found(call.places["user"])
    return entity(call.context("users", query.select) + "/$entity", encode_user(user, view))


def _view(call: Call, query: Query) -> View:
    """Return the view of users that the query asks for. Raises GraphError, 403, if the token does not permit it."""
    if SIGN_IN_ACTIVITY in (query.select or ()) and not call.may(READ_ACTIVITY):
        raise forbidden()
    return View(fields=user_fields(query.select), with_manager=query.with_manager, readable=readable(call))


def count_matching(call: Call, query: Query) -> int:
    """Return the number of users that match the query."""
    if query.condition is None and query.search is None:
        return len(call.directory.users)
    return sum(1 for _ in _matching(call, query, 0))


def sorted_positions(call: Call, query: Query) -> list[tuple[int, int]]:
    """Return (rank, position) of all users that match the query, sorted as it asks for."""
    users, field = call.directory.users, (query.order or "").removesuffix(" asc")
    named = sorted((str(user_value(users.record(at), field) or "").casefold(), at) for at in _matching(call, query, 0))
    return [(rank, position) for rank, (_, position) in enumerate(named)]


def _matching(call: Call, query: Query, start: int) -> Iterator[int]:
    """Yield positions from `start` on, of users that match the query."""
    users = call.directory.users
    condition, search = query.condition, query.search
    ids = condition.ids() if condition else None
    candidates: Iterator[int] = iter(range(start, users.positions))
    if ids is not None:
        positions = (users.position_of(key) for key in ids)
        candidates = iter(sorted(position for position in positions if position is not None and position >= start))
    for position in candidates:
        if not users.is_there(position):
            continue
        if condition or search:
            value_of = partial(user_value, users.record(position))
            if (condition and not condition.holds(value_of)) or (search and not search.holds(value_of)):
                continue
        yield position
