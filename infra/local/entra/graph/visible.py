"""The properties of users and groups that a response contains, and those whose values the caller may read."""

from infra.local.entra.graph.call import LIST_USERS, READ_USERS, Call
from infra.local.entra.odata.entity_types import GROUP, USER
from infra.local.entra.state.group import GROUP_DEFAULT
from infra.local.entra.state.person import BASIC_PROPERTIES, MANAGER, USER_DEFAULT
from infra.local.entra.state.users import ONLY_ID


def user_fields(select: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the properties to include. Relationships in `$select` show nothing."""
    return USER_DEFAULT if select is None else tuple(name for name in select if name not in USER.navigation)


def group_fields(select: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the properties to include. Relationships in `$select` show nothing."""
    return GROUP_DEFAULT if select is None else tuple(name for name in select if name not in GROUP.navigation)


def readable(call: Call) -> frozenset[str] | None:
    """Return the properties of users whose values the caller may read; None: all."""
    withheld = frozenset(call.state.settings.withheld)
    if call.may(READ_USERS):
        return (USER.properties | {MANAGER}) - withheld if withheld else None
    return BASIC_PROPERTIES - withheld if call.may(LIST_USERS) else ONLY_ID
