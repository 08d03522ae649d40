"""SSO users: people assigned to the sign-in application, and the product users that admins create from them."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from shared.domain.access.sso_users import ProductUser, Role, SsoUser, sso_users
from shared.domain.directory import Assignment, Capability, DirectoryUser, Source
from shared.domain.ids import ObjectId, TenantId
from shared.errors import NotFound, Rejected
from shared.ports.directory import Directory
from shared.ports.platform import Clock
from shared.ports.tenants import SettingsStore, TenantStore, UserStore
from shared.telemetry import event
from shared.workflows.connections.directory_access import DirectoryAccess
from shared.workflows.verified_read import verified

#: Maximum number of pages of assignments, or of members of one group. Also ends a listing that loops.
_MAX_PAGES = 100
#: Stands for the group's id where a person is assigned directly.
_DIRECT = "direct"


class SsoUsers(msgspec.Struct, frozen=True, kw_only=True):
    """Reads assignments live from the directory, and stores users of the product."""

    tenants: TenantStore
    settings: SettingsStore
    users: UserStore
    access: DirectoryAccess
    clock: Clock

    async def sso_users(self, tenant: TenantId) -> list[SsoUser]:
        """Return the people assigned to the sign-in application, directly or through a group, and the filter's result.

        Only direct members of a group count, as they do for the sign-in itself.
        Source: https://learn.microsoft.com/entra/identity/users/groups-saasapps (nested groups are not supported)

        Raises:
            NotFound: The tenant does not exist, or is not connected.
            Rejected: SSO users are off (`sso_users_off`), the sign-in application is missing (`sso_required`), the
                directory does not list assignments (`sso_users_unsupported`), or there are too many
                (`too_many_assignments`).
            NeedsAttention: The directory refuses the connection.
            Transient: The directory did not respond.
        """
        await self.tenants.get(tenant)
        preferences = await self.settings.get_preferences(tenant)
        if not preferences.sso_users:
            raise Rejected("SSO users are turned off: turn them on in the preferences.", code="sso_users_off")
        sso = await self.settings.find_sso(tenant)
        if sso is None:
            raise Rejected(f"Tenant {tenant!r} does not have a sign-in application.", code="sso_required")
        via: dict[ObjectId, set[str]] = defaultdict(set)
        people: dict[ObjectId, DirectoryUser] = {}
        async with self.access.open(tenant) as directory:
            if Capability.ASSIGNMENTS not in directory.capabilities:
                raise Rejected("This directory does not list who may sign in.", code="sso_users_unsupported")
            assignments = await _assignments(directory, sso.client_id)
            for assignment in assignments:
                if assignment.group:
                    for member in await _members(directory, assignment.principal_id):
                        people[member.id] = member
                        via[member.id].add(assignment.principal_id)
                else:
                    via[assignment.principal_id].add(_DIRECT)
            missing = sorted(set(via) - set(people))
            answers = await directory.users_by_id(missing)
            people.update((person, user) for person, user in answers.items() if user is not None)
        return sso_users(people.values(), via, preferences.sso_filter)

    async def product_users(self, tenant: TenantId) -> Sequence[ProductUser]:
        """Return the tenant's users of the product. Raises NotFound if the tenant does not exist."""
        return await verified(self.tenants.get(tenant), self.users.list_users(tenant))

    async def make_user(self, tenant: TenantId, person: ObjectId, role: Role, by: str) -> ProductUser:
        """Create a product user from an SSO user with the given role. An existing product user is returned unchanged.

        Raises:
            NotFound: The person is not assigned to the sign-in application (`not_assigned`).
            Rejected: The person cannot become a user (`not_eligible`); the message has the reason.
            SyncError: As `sso_users`.
        """
        sso_user = next((user for user in await self.sso_users(tenant) if user.object_id == person), None)
        if sso_user is None:
            raise NotFound("This person is not assigned to the sign-in application.", code="not_assigned")
        if not sso_user.included or sso_user.mail is None:
            raise Rejected(f"This person cannot become a user: {sso_user.reason}.", code="not_eligible")
        user = ProductUser(
            object_id=person,
            mail=sso_user.mail,
            display_name=sso_user.display_name,
            role=role,
            created_at=self.clock.now(),
            created_by=by,
        )
        event("user_created", tenant=tenant, role=role)
        return await self.users.insert(tenant, user)


async def _assignments(directory: Directory, client_id: str) -> list[Assignment]:
    assignments: list[Assignment] = []
    cursor: str | None = None
    for _ in range(_MAX_PAGES):
        page = await directory.assignments(client_id, cursor)
        assignments += page.assignments
        cursor = page.next_cursor
        if cursor is None:
            return assignments
    raise Rejected(
        "Too many people and groups are assigned to the sign-in application to be shown.", code="too_many_assignments"
    )


async def _members(directory: Directory, group: ObjectId) -> list[DirectoryUser]:
    """Return the direct members of a group, or an empty list if the group no longer exists."""
    members: list[DirectoryUser] = []
    cursor: str | None = None
    for _ in range(_MAX_PAGES):
        try:
            page = await directory.users(Source(group=group, transitive=False), cursor)
        except NotFound:
            return []
        members += page.users
        cursor = page.next_cursor
        if cursor is None:
            return members
    raise Rejected("An assigned group has too many members to be shown.", code="too_many_assignments")
