"""Which application permissions are needed, and whether those that are granted satisfy the need.

Source: https://learn.microsoft.com/graph/permissions-reference
"""

from dataclasses import dataclass
from typing import Final

from shared.domain.report import Check, CheckStatus, Consent


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing the product reads: the permission asked for, others that allow it too, and why it is needed."""

    permission: str
    satisfied_by: frozenset[str]
    why: str


_BROAD: Final = frozenset({"Directory.Read.All", "Directory.ReadWrite.All"})
USERS: Final = Need(
    permission="User.Read.All",
    satisfied_by=frozenset({"User.Read.All", "User.ReadWrite.All"}) | _BROAD,
    why="to read people's names, addresses and whether their account is enabled",
)
GROUP_MEMBERS: Final = Need(
    permission="GroupMember.Read.All",
    satisfied_by=frozenset({"GroupMember.Read.All", "GroupMember.ReadWrite.All", "Group.Read.All"})
    | frozenset({"Group.ReadWrite.All"})
    | _BROAD,
    why="to read who is in a mapped group",
)
GROUPS: Final = Need(
    permission="Group.Read.All",
    satisfied_by=frozenset({"Group.Read.All", "Group.ReadWrite.All", "GroupMember.Read.All"})
    | frozenset({"GroupMember.ReadWrite.All"})
    | _BROAD,
    why="to find groups by name when they are mapped",
)
APPLICATIONS: Final = Need(
    permission="Application.Read.All",
    satisfied_by=frozenset({"Application.Read.All", "Application.ReadWrite.All"}) | _BROAD,
    why="to read who is assigned to the sign-in application",
)


def needs(*, sso_users: bool) -> tuple[Need, ...]:
    """Return what must be readable."""
    return (USERS, GROUP_MEMBERS, GROUPS, APPLICATIONS) if sso_users else (USERS, GROUP_MEMBERS, GROUPS)


def judge(roles: frozenset[str], *, sso_users: bool, consent_link: str) -> tuple[list[Check], Consent]:
    """Return one check per need and one for what is granted without need, and the summary.

    A need is satisfied by any permission that includes it; what is granted beside that is named, never failed for.
    """
    wanted = needs(sso_users=sso_users)
    checks = [_check(need, roles, consent_link) for need in wanted]
    documented = {need.permission for need in wanted}
    redundant = {"Group.Read.All"} if {"GroupMember.Read.All", "Group.Read.All"} <= roles else set()
    unneeded = sorted((roles - documented) | redundant)
    if unneeded:
        checks.append(_least_privilege(unneeded, roles, wanted))
    consent = Consent(
        granted=tuple(sorted(documented & roles)),
        missing=tuple(need.permission for need in wanted if not roles & need.satisfied_by),
        unneeded=tuple(unneeded),
    )
    return checks, consent


def _check(need: Need, roles: frozenset[str], consent_link: str) -> Check:
    if satisfying := roles & need.satisfied_by:
        by = need.permission if need.permission in satisfying else min(satisfying)
        return Check(
            id=f"permission_{need.permission}",
            status=CheckStatus.PASS,
            title=f"{need.permission} is granted",
            detail=f"Needed {need.why}; granted by {by}.",
        )
    return Check(
        id=f"permission_{need.permission}",
        status=CheckStatus.FAIL,
        title=f"{need.permission} is missing",
        detail=f"The application permission {need.permission} is needed {need.why}, and is not granted.",
        fix="Add it to the app registration as an application permission, then grant admin consent by the link.",
        link=consent_link,
    )


def _least_privilege(unneeded: list[str], roles: frozenset[str], wanted: tuple[Need, ...]) -> Check:
    """Name what is granted without need, and how to be rid of it without losing what only it satisfies."""
    kept = roles - set(unneeded)
    lost = [need.permission for need in wanted if roles & need.satisfied_by and not kept & need.satisfied_by]
    detail = f"Granted without need: {', '.join(unneeded)}."
    if "Group.Read.All" in unneeded:
        detail += " Group.Read.All adds nothing to GroupMember.Read.All."
    fix = "Remove these permissions from the app registration; the sync goes on without them."
    if lost:
        fix = f"First grant {', '.join(lost)}, which so far only a broader permission covers; then remove the others."
    return Check(
        id="least_privilege", status=CheckStatus.WARN, title="More is granted than needed", detail=detail, fix=fix
    )
