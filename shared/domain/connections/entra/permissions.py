"""Application permissions: which are required, and whether the granted ones satisfy them.

Source: https://learn.microsoft.com/graph/permissions-reference
"""

from typing import Final

import msgspec

from shared.domain.connections.validation_report import Check, CheckStatus, Consent
from shared.domain.directory import Source


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """A need of the sync: the least permission that satisfies it, all that do, and the reason."""

    #: Id of the check, which names the need: several permissions can satisfy it.
    check: str
    permission: str
    satisfied_by: frozenset[str]
    subject: str
    verb: str
    why: str

    def title(self, *, satisfied: bool) -> str:
        """Return the title of the check, such as "Group members can be read"."""
        return f"{self.subject} {'can' if satisfied else 'cannot'} be {self.verb}"


_BROAD: Final = frozenset({"Directory.Read.All", "Directory.ReadWrite.All"})
_GROUPS: Final = _BROAD | {
    "GroupMember.Read.All",
    "GroupMember.ReadWrite.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
}
USERS: Final = Need(
    check="permission_users",
    permission="User.Read.All",
    satisfied_by=_BROAD | {"User.Read.All", "User.ReadWrite.All"},
    subject="User profiles",
    verb="read",
    why="to read the names, addresses and account status of users",
)
GROUP_MEMBERS: Final = Need(
    check="permission_group_members",
    permission="GroupMember.Read.All",
    satisfied_by=_GROUPS,
    subject="Group members",
    verb="read",
    why="to read the members of mapped groups",
)
GROUPS: Final = Need(
    check="permission_groups",
    permission="GroupMember.Read.All",
    satisfied_by=_GROUPS,
    subject="Groups",
    verb="found by name",
    why="to search groups by name",
)
APPLICATIONS: Final = Need(
    check="permission_assignments",
    permission="Application.Read.All",
    satisfied_by=_BROAD | {"Application.Read.All", "Application.ReadWrite.All"},
    subject="Assignments to the sign-in application",
    verb="read",
    why="to read the people assigned to the sign-in application",
)


#: Permits reading users, but Microsoft Graph answers with null for everything except names and addresses.
BASIC: Final = "User.ReadBasic.All"
#: Optional permissions, never reported as missing or unnecessary: they allow reading hidden group members and the
#: expiry date of the secret.
_OPTIONAL: Final = frozenset({"Member.Read.Hidden", APPLICATIONS.permission})


def needs(*, sso_users: bool) -> tuple[Need, ...]:
    """Return the required permissions."""
    return (USERS, GROUP_MEMBERS, GROUPS, APPLICATIONS) if sso_users else (USERS, GROUP_MEMBERS, GROUPS)


def judge(roles: frozenset[str], *, sso_users: bool, consent_link: str) -> tuple[list[Check], Consent]:
    """Return one check per need, warnings about broader and unnecessary permissions, and the summary.

    A need is satisfied by any permission that includes it. Additional permissions are only warned about. A permission
    is reported as granted only if it is one of `roles`.
    """
    required = needs(sso_users=sso_users)
    checks = [_check(need, roles, consent_link) for need in required]
    least = {need.permission for need in required}
    extra = roles - least - _OPTIONAL
    lost = [need for need in required if roles & need.satisfied_by and not (roles - extra) & need.satisfied_by]
    broader = {role for role in extra for need in lost if role in need.satisfied_by}
    if broader:
        checks.append(_broader(sorted(broader), _permissions(lost)))
    if unneeded := sorted(extra - broader):
        checks.append(_unneeded(unneeded, beside=roles & least))
    consent = Consent(
        granted=tuple(sorted(roles & frozenset[str]().union(*(need.satisfied_by for need in required)))),
        missing=_permissions([need for need in required if not roles & need.satisfied_by]),
        unneeded=tuple(sorted(extra)),
    )
    return checks, consent


def lost(roles: frozenset[str], *, sso_users: bool, proven: Source | None) -> dict[str, str]:
    """Return the needed permissions that the token does not have, with what each is required for.

    Reading the source `proven` proves its permissions, whatever the token says: other login services than Microsoft's
    issue tokens without roles.
    """
    if not roles and proven is not None:
        return {}
    shown: list[Need] = []
    if proven is not None:
        shown += [] if proven.by_id else [USERS]
        shown += [] if proven.group is None else [GROUP_MEMBERS, GROUPS]
    missing = [need for need in needs(sso_users=sso_users) if need not in shown and not roles & need.satisfied_by]
    return {need.permission: need.why for need in reversed(missing)}


def _permissions(needed: list[Need]) -> tuple[str, ...]:
    """Return the least permissions of the needs, each once."""
    return tuple(dict.fromkeys(need.permission for need in needed))


def _check(need: Need, roles: frozenset[str], consent_link: str) -> Check:
    if satisfying := roles & need.satisfied_by:
        by = need.permission if need.permission in satisfying else min(satisfying)
        return Check(
            id=need.check,
            status=CheckStatus.PASS,
            title=need.title(satisfied=True),
            detail=f"Required {need.why}; {by} is granted.",
        )
    detail = f"The application permission {need.permission} is required {need.why}, but is not granted."
    if need is USERS and BASIC in roles:
        detail += f" {BASIC} is not enough: with it, Microsoft Graph withholds the account status and most fields."
    return Check(
        id=need.check,
        status=CheckStatus.FAIL,
        title=need.title(satisfied=False),
        detail=detail,
        fix=f"Add {need.permission} to the app registration as an application permission, then grant admin consent "
        "with the link.",
        link=consent_link,
    )


def _unneeded(roles: list[str], *, beside: frozenset[str]) -> Check:
    """Return the warning about permissions that can be removed `beside` the least ones that are granted."""
    detail = f"Unnecessary permission{'s' if len(roles) > 1 else ''}: {', '.join(roles)}."
    if "Group.Read.All" in roles and GROUP_MEMBERS.permission in beside:
        detail += " Group.Read.All adds nothing to GroupMember.Read.All."
    they = "them" if len(roles) > 1 else "it"
    fix = f"You can remove {they} from the app registration; the sync does not use {they}."
    return Check(
        id="least_privilege",
        status=CheckStatus.WARN,
        title="More permissions are granted than needed",
        detail=detail,
        fix=fix,
    )


def _broader(roles: list[str], narrower: tuple[str, ...]) -> Check:
    """Return the warning about permissions that can be replaced by narrower ones."""
    return Check(
        id="broader_permission",
        status=CheckStatus.WARN,
        title="A permission is broader than needed",
        detail=f"{', '.join(roles)} {'allow' if len(roles) > 1 else 'allows'} more than the sync needs, and a narrower "
        "permission is not granted.",
        fix=f"Grant {', '.join(narrower)}, then remove {', '.join(roles)}.",
    )
