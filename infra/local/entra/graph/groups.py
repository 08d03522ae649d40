"""`/groups` and one group."""

from collections.abc import Iterator
from functools import partial

from infra.local.entra.graph.call import Call
from infra.local.entra.graph.object_json import encode_group
from infra.local.entra.graph.paging import start_of, take_page
from infra.local.entra.http.answers import Answer, bad_request, collection, entity, not_found
from infra.local.entra.odata.queries import Query
from infra.local.entra.state.generate import looks_like_id
from infra.local.entra.state.group import GROUP_DEFAULT, GROUP_FIELDS, Group, group_value

GROUP_UNSET = frozenset(
    {"classification", "deletedDateTime", "expirationDateTime", "isAssignableToRole", "mailNickname", "members",
     "membershipRule", "membershipRuleProcessingState", "onPremisesSyncEnabled", "preferredLanguage",
     "proxyAddresses", "renewedDateTime", "securityIdentifier", "theme", "resourceProvisioningOptions"}
)  # fmt: skip


def group_fields(select: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the properties to include.

    Raises:
        GraphError: 400 if groups do not have such a property.
    """
    for name in select or ():
        if name not in GROUP_FIELDS and name not in GROUP_UNSET:
            raise bad_request(
                "Parsing OData Select and Expand failed: Could not find a property named "
                f"'{name}' on type 'microsoft.graph.group'.",
                "BadRequest",
            )
    return select or GROUP_DEFAULT


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
    query = call.query()
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
    query = call.query()
    fields = group_fields(query.select)
    return entity(call.context("groups", query.select) + "/$entity", encode_group(find_group(call), fields))


def list_owners(call: Call) -> Answer:
    """Return an empty list: groups here have no owners."""
    find_group(call)
    return collection(call.context("directoryObjects", call.query().select), [], {})


def _matching(call: Call, query: Query) -> Iterator[Group]:
    for group in call.directory.groups:
        value_of = partial(group_value, group)
        if query.condition and not query.condition.holds(value_of):
            continue
        if query.search and not query.search.holds(value_of):
            continue
        yield group
