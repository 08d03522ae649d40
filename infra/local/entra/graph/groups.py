"""`/groups` and one group."""

from collections.abc import Iterator
from functools import partial

from infra.local.entra.graph.call import Call
from infra.local.entra.graph.object_json import encode_group
from infra.local.entra.graph.paging import start_of, take_page
from infra.local.entra.graph.visible import group_fields
from infra.local.entra.http.answers import Answer, bad_request, collection, entity, not_found
from infra.local.entra.odata.entity_types import DIRECTORY_OBJECT, GROUP
from infra.local.entra.odata.queries import Query
from infra.local.entra.state.generate import looks_like_id
from infra.local.entra.state.group import Group, group_value


def find_group(call: Call) -> Group:
    """Return the group that the path names.

    Raises:
        GraphError: 404, or 400 if the value is not an object id.
    """
    key = call.places["group"]
    if not looks_like_id(key):
        raise bad_request(f"Invalid object identifier '{key}'.")
    group = call.directory.groups.find(key)
    if group is None:
        raise not_found(key)
    return group


def list_groups(call: Call) -> Answer:
    """Return a page of groups. `$orderby=displayName` sorts them; otherwise they are in the order of creation."""
    query = call.query(GROUP)
    fields = group_fields(query.select)
    groups = list(_matching(call, query))
    if query.order:
        groups.sort(key=lambda group: group.display_name.casefold())
    after = start_of(call)
    numbered = list(enumerate(groups, start=1))[int(after or 0) :]
    page = take_page(call, numbered, query.top, lambda pair: str(pair[0]))
    annotations = page.annotations
    if query.count and query.eventual and not after:
        annotations = {"@odata.count": len(groups), **annotations}
    fragments = [encode_group(group, fields) for _, group in page.items]
    return collection(call.context("groups", query.select), fragments, annotations)


def get_group(call: Call) -> Answer:
    """Return one group by object id."""
    query = call.query(GROUP, listing=False)
    fields = group_fields(query.select)
    return entity(call.context("groups", query.select) + "/$entity", encode_group(find_group(call), fields))


def list_owners(call: Call) -> Answer:
    """Return an empty list: groups here have no owners."""
    find_group(call)
    return collection(call.context("directoryObjects", call.query(DIRECTORY_OBJECT).select), [], {})


def _matching(call: Call, query: Query) -> Iterator[Group]:
    for group in call.directory.groups:
        value_of = partial(group_value, group)
        if query.condition and not query.condition.holds(value_of):
            continue
        if query.search and not query.search.holds(value_of):
            continue
        yield group
