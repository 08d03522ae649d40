"""Members of a group: direct, transitive, of one kind, and their number."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import attrgetter

from infra.local.entra.graph.call import READ_HIDDEN, Call
from infra.local.entra.graph.groups import find_group
from infra.local.entra.graph.object_json import MemberJson
from infra.local.entra.graph.paging import start_of, take_page
from infra.local.entra.http.answers import PLAIN, Answer, bad_request, collection, forbidden, not_found, unsupported
from infra.local.entra.odata.entity_types import DIRECTORY_OBJECT
from infra.local.entra.odata.queries import Query
from infra.local.entra.state.group import HIDDEN_MEMBERSHIP, Kind, Member, group_value
from infra.local.entra.state.person import user_value

_CASTS = {"microsoft.graph.user": Kind.USER, "microsoft.graph.group": Kind.GROUP}


def list_members(call: Call) -> Answer:
    """Return the direct members."""
    return _list(call, *_direct(call))


def list_transitive_members(call: Call) -> Answer:
    """Return the members of the group and of all nested groups, each once."""
    return _list(call, *_transitive(call))


def list_groups_of_user(call: Call) -> Answer:
    """Return the groups of which a user is a direct member."""
    user = call.directory.users.find(call.places["user"])
    if user is None:
        raise not_found(call.places["user"])
    return _list(call, _groups_with(call, user.id), attrgetter("id"))


def list_groups_of_group(call: Call) -> Answer:
    """Return the groups of which a group is a direct member."""
    return _list(call, _groups_with(call, find_group(call).id), attrgetter("id"))


def _groups_with(call: Call, object_id: str) -> list[Member]:
    """Return the groups whose members the caller may read."""
    groups = call.directory.groups.with_member(object_id)
    visible = [group.id for group in groups if group.visibility != HIDDEN_MEMBERSHIP or call.may(READ_HIDDEN)]
    return [Member(id=group, kind=Kind.GROUP, position=0, sequence=0) for group in sorted(visible)]


def count_members(call: Call) -> Answer:
    """Return the number of direct members as plain text."""
    return _count(call, _direct(call)[0])


def count_transitive_members(call: Call) -> Answer:
    """Return the number of transitive members as plain text."""
    return _count(call, _transitive(call)[0])


def _direct(call: Call) -> tuple[Sequence[Member], Callable[[Member], str]]:
    members = call.directory.groups.direct(find_group(call).id)
    return _seen(call, members), attrgetter("order")


def _transitive(call: Call) -> tuple[Sequence[Member], Callable[[Member], str]]:
    members = call.directory.groups.transitive(find_group(call).id)
    return _seen(call, members), attrgetter("id")


def _seen(call: Call, members: Sequence[Member]) -> Sequence[Member]:
    if find_group(call).visibility != HIDDEN_MEMBERSHIP or call.may(READ_HIDDEN):
        return members
    if call.state.settings.hidden_membership == "empty":
        return []
    raise forbidden()


def _list(call: Call, members: Sequence[Member], key: Callable[[Member], str]) -> Answer:
    query = call.query(DIRECTORY_OBJECT)
    cast = call.places.get("cast")
    _check(query, cast)
    kept = _filtered(call, query, members, cast)
    after = start_of(call)
    rest = (member for member in kept if key(member) > after) if after else iter(kept)
    page = take_page(call, rest, query.top, key)
    annotations = page.annotations
    if query.count and query.eventual and not after:
        annotations = {"@odata.count": len(kept), **annotations}
    encoder = MemberJson(call, query.select, typed=cast is None)
    context = call.context("directoryObjects" if cast is None else f"{_CASTS[cast]}s", query.select)
    return collection(context, encoder.encode(page.items), annotations)


def _count(call: Call, members: Sequence[Member]) -> Answer:
    query = call.query(DIRECTORY_OBJECT)
    if not query.eventual:
        raise bad_request("$count is not currently supported.")
    cast = call.places.get("cast")
    kept = _filtered(call, query, members, cast)
    return Answer(body=str(len(kept)).encode(), content_type=PLAIN)


def _check(query: Query, cast: str | None) -> None:
    if cast is not None and cast not in _CASTS:
        raise bad_request(f"Resource not found for the segment '{cast}'.", "BadRequest")
    if (cast is not None or query.condition or query.order) and not query.advanced:
        raise unsupported(
            "Request requires the header 'ConsistencyLevel: eventual' and the query parameter '$count=true'."
        )
    if query.order:
        raise unsupported("Sorting of members is not imitated.")


def _filtered(call: Call, query: Query, members: Sequence[Member], cast: str | None) -> Sequence[Member]:
    kept: Iterable[Member] = members
    if cast is not None:
        kind = _CASTS.get(cast)
        kept = [member for member in members if member.kind is kind]
    if query.condition is not None:
        kept = [member for member in kept if query.condition.holds(_value_of(call, member))]
    if query.search is not None:
        kept = [member for member in kept if query.search.holds(_value_of(call, member))]
    return list(kept)


def _value_of(call: Call, member: Member) -> Callable[[str], object]:
    if member.kind is Kind.USER:
        return partial(user_value, call.directory.users.record(member.position))
    group = call.directory.groups.find(member.id)
    return lambda name: None if group is None else group_value(group, name)
