"""The directory of one tenant. All changes are made here, so that the change log is complete."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Concatenate, ParamSpec

import msgspec

from infra.local.entra.state.applications import Application, Secret, ServicePrincipal
from infra.local.entra.state.change_log import MEMBERS, ChangeLog, Did
from infra.local.entra.state.clock import SimulatedClock
from infra.local.entra.state.generate import Generator, Shares, stable_uuid
from infra.local.entra.state.group import Group, Kind
from infra.local.entra.state.groups import Groups
from infra.local.entra.state.person import User
from infra.local.entra.state.users import Removal, Users

_SECRET_STARTED_BEFORE = timedelta(days=30)

Arguments = ParamSpec("Arguments")
#: The time of a change, and what makes the same change in a copy of the directory.
Recorded = tuple[float, Callable[["Directory"], None]]


def _recorded(
    change: Callable[Concatenate["Directory", Arguments], None],
) -> Callable[Concatenate["Directory", Arguments], None]:
    """Record every call of a method that changes users or groups, for replicas that lag behind."""

    @wraps(change)
    def changed(self: "Directory", /, *arguments: Arguments.args, **named: Arguments.kwargs) -> None:
        change(self, *arguments, **named)
        self.changes.append((self.log.now_s(), lambda copy: change(copy, *arguments, **named)))

    return changed


class DirectoryPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of a generated directory."""

    name: str
    users: int = 100
    groups: int = 0
    seed: str = ""  #: equals the name if empty
    biggest_group: float = 0.5  #: share of all users in the first group
    group_size: int | None = None  #: not None: every group has exactly this number of users, and groups are not nested
    shares: Shares = msgspec.field(default_factory=Shares)
    cloud: str = "global"  #: false: tokens are refused as for a tenant of another cloud


class Directory:
    """Users, groups, applications and their history."""

    def __init__(self, plan: DirectoryPlan, clock: SimulatedClock) -> None:
        seed = plan.seed or plan.name
        self.plan = plan
        #: Changes since the directory was built.
        self.changes: list[Recorded] = []
        self.name = plan.name
        self.cloud = plan.cloud
        self.tenant_id = stable_uuid("tenant", seed)
        self.domain = f"{plan.name}.onmicrosoft.com"
        self.display_name = plan.name.capitalize()
        self.seed = seed
        self.users = Users(
            Generator(seed=seed, domain=self.domain, company=self.display_name, shares=plan.shares), plan.users
        )
        self.groups = Groups(self.users)
        self.log = ChangeLog(clock)
        self.graph_principal_id = stable_uuid("graph principal", seed)
        self.application = self._new_application("Recipient Sync", clock)
        self.sso = self._new_application("Mailroom SSO", clock)
        self.sso.requested_roles = set()
        #: Service principals of applications of other tenants, by application id.
        self.guests: dict[str, ServicePrincipal] = {}

    @property
    def applications(self) -> tuple[Application, ...]:
        """The application that reads the directory, and the application for SSO."""
        return self.application, self.sso

    def _new_application(self, name: str, clock: SimulatedClock) -> Application:
        started = clock.now() - _SECRET_STARTED_BEFORE
        text = stable_uuid("secret", self.seed, name).replace("-", "")
        application = Application(
            application_id=stable_uuid("application", self.seed, name),
            object_id=stable_uuid("application object", self.seed, name),
            display_name=name,
            home=self.tenant_id,
            secrets=[
                Secret(
                    key_id=stable_uuid("secret id", self.seed, name),
                    text=f"{text[:3]}8Q~{text[3:]}.~",
                    display_name="local",
                    starts=started,
                    ends=started + timedelta(days=730),
                )
            ],
        )
        self.consent(application)
        return application

    def consent(self, application: Application) -> None:
        """Give the consent of an admin to the requested permissions, also of an application of another tenant."""
        is_own = application.home == self.tenant_id
        key = application.display_name if is_own else application.application_id
        principal = self.principal_of(application) or ServicePrincipal(
            object_id=stable_uuid("service principal", self.seed, key)
        )
        principal.roles |= application.requested_roles
        if is_own:
            application.service_principal = principal
        else:
            self.guests[application.application_id] = principal

    def principal_of(self, application: Application) -> ServicePrincipal | None:
        """Return the service principal of the application in this tenant. None without consent."""
        if application.home == self.tenant_id:
            return application.service_principal
        return self.guests.get(application.application_id)

    @_recorded
    def add_user(self, user: User) -> None:
        """Create the user."""
        self.users.add(user)
        self.log.note(Kind.USER, user.id, Did.APPEARED)

    @_recorded
    def replace_user(self, user: User) -> None:
        """Replace the properties of the user with this id.

        Raises:
            LookupError: The user does not exist.
        """
        changed = self.users.replace(self._position(user.id), user)
        if changed:
            self.log.note(Kind.USER, user.id, Did.UPDATED, fields=changed)

    @_recorded
    def delete_user(self, object_id: str, removal: Removal) -> None:
        """Delete the user, also from groups.

        Raises:
            LookupError: The user does not exist.
        """
        self.users.remove(self._position(object_id), removal)
        self.log.note(Kind.USER, object_id, Did.VANISHED)
        self._note_in_groups(object_id)

    @_recorded
    def restore_user(self, object_id: str) -> None:
        """Restore a deleted user, also in groups.

        Raises:
            LookupError: A deleted user with this id does not exist.
        """
        if self.users.removal_of(object_id) is not Removal.RESTORABLE:
            raise LookupError(f"No deleted user {object_id} can be restored.")
        position = self._position(object_id)
        object_id = self.users.id_at(position)
        self.users.restore(position)
        self.log.note(Kind.USER, object_id, Did.APPEARED)
        self._note_in_groups(object_id)

    @_recorded
    def put_group(self, group: Group) -> None:
        """Create or replace the group with these properties."""
        exists = self.groups.find(group.id) is not None
        self.groups.put(group)
        fields = Group.__struct_encode_fields__ if exists else ()
        self.log.note(Kind.GROUP, group.id, Did.UPDATED if exists else Did.APPEARED, fields=tuple(fields))

    @_recorded
    def delete_group(self, group_id: str, removal: Removal) -> None:
        """Delete the group."""
        self.groups.remove(group_id, removal)
        self.log.note(Kind.GROUP, group_id, Did.VANISHED)
        self._note_in_groups(group_id)

    @_recorded
    def restore_group(self, group_id: str) -> None:
        """Restore a deleted group.

        Raises:
            LookupError: A deleted group with this id does not exist.
        """
        if self.groups.removal_of(group_id) is not Removal.RESTORABLE:
            raise LookupError(f"No deleted group {group_id} can be restored.")
        self.groups.restore(group_id)
        self.log.note(Kind.GROUP, group_id, Did.APPEARED)
        self._note_in_groups(group_id)

    @_recorded
    def join(self, group_id: str, object_id: str) -> None:
        """Add a user or a group as a member.

        Raises:
            LookupError: The object does not exist.
        """
        member = self.groups.join(group_id, object_id)
        if member is not None:
            self.log.note(Kind.GROUP, group_id, Did.UPDATED, fields=(MEMBERS,), member=member)

    @_recorded
    def leave(self, group_id: str, object_id: str) -> None:
        """Remove the member."""
        member = self.groups.leave(group_id, object_id)
        if member is not None:
            self.log.note(Kind.GROUP, group_id, Did.UPDATED, fields=(MEMBERS,), member=member)

    def _position(self, object_id: str) -> int:
        position = self.users.position_of(object_id)
        if position is None:
            raise LookupError(f"User {object_id} does not exist.")
        return position

    def _note_in_groups(self, object_id: str) -> None:
        for group in self.groups.with_member(object_id):
            member = self.groups.membership(group.id, object_id)
            self.log.note(Kind.GROUP, group.id, Did.UPDATED, fields=(MEMBERS,), member=member)
