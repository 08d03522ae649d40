"""Sample directories with the same ids, secrets and users at every start."""

from infra.local.entra.state.applications import Assignment
from infra.local.entra.state.clock import SimulatedClock
from infra.local.entra.state.directory import Directory, DirectoryPlan
from infra.local.entra.state.generate import Shares, stable_uuid
from infra.local.entra.state.group_plans import add_equal_groups, add_groups

#: Users of contoso are all enabled members, hence recipients. A few have no mail address, only a UPN.
SAMPLES = (
    DirectoryPlan(name="contoso", users=10_000, groups=12, biggest_group=0.1, shares=Shares(without_mail=0.01)),
    DirectoryPlan(
        name="fabrikam", users=3_000, groups=40, shares=Shares(guests=0.04, disabled=0.02, without_mail=0.02)
    ),
    DirectoryPlan(name="adatum", users=500, groups=6, shares=Shares(guests=0.02, disabled=0.01)),
)

_SSO_GROUP = slice(-3, -2)  # a group with nested groups, in every sample
_SSO_USERS = 5


def build(plan: DirectoryPlan, clock: SimulatedClock) -> Directory:
    """Return the planned directory, with consent given, and a few people assigned to its SSO application."""
    directory = Directory(plan, clock)
    if plan.group_size is None:
        add_groups(directory, plan.groups, biggest=plan.biggest_group)
    else:
        add_equal_groups(directory, plan.groups, size=plan.group_size)
    groups = [group.id for group in directory.groups][_SSO_GROUP]
    users = [directory.users.id_at(number) for number in range(min(_SSO_USERS, directory.users.positions))]
    for principal_id, kind in [*((key, "Group") for key in groups), *((key, "User") for key in users)]:
        assign(directory, principal_id, kind)
    directory.changes.clear()
    return directory


def assign(directory: Directory, principal_id: str, kind: str) -> None:
    """Assign a user or group to the SSO application, which permits sign-in."""
    principal = directory.sso.service_principal
    if principal is not None and all(one.principal_id != principal_id for one in principal.assigned):
        key = stable_uuid("assignment", principal.object_id, principal_id)
        principal.assigned.append(Assignment(id=key, principal_id=principal_id, principal_type=kind))


def scaled(plan: DirectoryPlan, scale: float) -> DirectoryPlan:
    """Return the plan with `scale` times as many users, at least one, and the same number of groups."""
    return DirectoryPlan(
        name=plan.name,
        users=max(1, round(plan.users * scale)),
        groups=plan.groups,
        biggest_group=plan.biggest_group,
        shares=plan.shares,
    )
