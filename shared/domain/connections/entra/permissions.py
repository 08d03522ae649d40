"""Application permissions: which are required, and whether the granted ones satisfy them.

Source: https://learn.microsoft.com/graph/permissions-reference
"""

from typing import Final

import msgspec

from shared.domain.connections.validation_report import Check, CheckStatus, Consent


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """A required permission, the permissions that include it, and the reason."""

    permission: str
    satisfied_by: frozenset[str]
    why: str


_BROAD: Final = frozenset({"Directory.Read.All", "Directory.ReadWrite.All"})
USERS: Final = Need(
    permission="User.Read.All",
    satisfied_by=frozenset({"User.Read.All", "User.ReadWrite.All"}) | _BROAD,
    why="to read the names, addresses and account status of users",
)
GROUP_MEMBERS: Final = Need(
    permission="GroupMember.Read.All",
    satisfied_by=frozenset({"GroupMember.Read.All", "GroupMember.ReadWrite.All", "Group.Read.All"})
    | frozenset({"Group.ReadWrite.All"})
    | _BROAD,
    why="to read the members of mapped groups",
)
GROUPS: Final = Need(
    permission="Group.Read.All",
    satisfied_by=frozenset({"Group.Read.All", "Group.ReadWrite.All", "GroupMember.Read.All"})
    | frozenset({"GroupMember.ReadWrite.All"})
    | _BROAD,
    why="to search groups by name",
)
APPLICATIONS: Final = Need(
    permission="Application.Read.All",
    satisfied_by=frozenset({"Application.Read.All", "Application.ReadWrite.All"}) | _BROAD,
    why="to read the people assigned to the sign-in application",
)


#: Optional permissions, never reported as missing or unnecessary: they allow reading hidden group members and the
#: expiry date of the secret.
_OPTIONAL: Final = frozenset({"Member.Read.Hidden", APPLICATIONS.permission})


def needs(*, sso_users: bool) -> tuple[Need, ...]:
    """Return the required permissions."""
    return (USERS, GROUP_MEMBERS, GROUPS, APPLICATIONS) if sso_users else (USERS, GROUP_MEMBERS, GROUPS)


def judge(roles: frozenset[str], *, sso_users: bool, consent_link: str) -> tuple[list[Check], Consent]:
    """Return one check per required permission, warnings about broader and unnecessary ones, and the summary.

    A requirement is satisfied by any permission that includes it. Additional permissions are only warned about.
    """
    required = needs(sso_users=sso_users)
    checks = [_check(need, roles, consent_link) for need in required]
    documented = {need.permission for need in required}
    redundant = {"Group.Read.All"} if {"GroupMember.Read.All", "Group.Read.All"} <= roles else set()
    extra = (roles - documented - _OPTIONAL) | redundant
    lost = [need for need in required if roles & need.satisfied_by and not (roles - extra) & need.satisfied_by]
    broader = {role for role in extra for need in lost if role in need.satisfied_by}
    if broader:
        checks.append(_broader(sorted(broader), lost))
    if unneeded := sorted(extra - broader):
        checks.append(_unneeded(unneeded))
    consent = Consent(
        granted=tuple(sorted((documented & roles) | broader)),
        missing=tuple(need.permission for need in required if not roles & need.satisfied_by),
        unneeded=tuple(sorted(extra)),
    )
    return checks, consent


def _check(need: Need, roles: frozenset[str], consent_link: str) -> Check:
    if satisfying := roles & need.satisfied_by:
        by = need.permission if need.permission in satisfying else min(satisfying)
        return Check(
            id=f"permission_{need.permission}",
            status=CheckStatus.PASS,
            title=f"{need.permission} is granted",
            detail=f"Required {need.why}; granted by {by}.",
        )
    return Check(
        id=f"permission_{need.permission}",
        status=CheckStatus.FAIL,
        title=f"{need.permission} is missing",
        detail=f"The application permission {need.permission} is required {need.why}, but is not granted.",
        fix="Add it to the app registration as an application permission, then grant admin consent with the link.",
        link=consent_link,
    )


def _unneeded(roles: list[str]) -> Check:
    """Return the warning about unnecessary permissions."""
    detail = f"Unnecessary permission{'s' if len(roles) > 1 else ''}: {', '.join(roles)}."
    if "Group.Read.All" in roles:
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


def _broader(roles: list[str], lost: list[Need]) -> Check:
    """Return the warning about permissions that can be replaced by narrower ones."""
    narrower = ", ".join(need.permission for need in lost)
    return Check(
        id="broader_permission",
        status=CheckStatus.WARN,
        title="A permission is broader than needed",
        detail=f"{', '.join(roles)} allows more than the sync needs, and a narrower permission is not granted.",
        fix=f"Grant {narrower}, then remove {', '.join(roles)}.",
    )
