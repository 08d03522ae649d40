"""SSO users: the people assigned to the sign-in application, some of which become users of the product."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain.access.sso_users import ProductUser, Role, SsoUser, sso_users
from shared.domain.directory import Assignment, Capability, DirectoryUser, Source
from shared.domain.ids import ObjectId, TenantId
from shared.errors import NotFound, Rejected
from shared.ports.directory import Directory
from shared.ports.platform import Clock
from shared.ports.tenants import SettingsStore, TenantStore, UserStore
from shared.telemetry import event
from shared.workflows.connections.directory_access import DirectoryAccess

#: More pages of assignments or members than a view shows; a listing that goes on is a loop.
_MAX_PAGES = 100
_DIRECT = "direct"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIns:
    """Reads assignments from the directory on request, and stores the users that were created from them."""

    tenants: TenantStore
    settings: SettingsStore
    users: UserStore
    access: DirectoryAccess
    clock: Clock

    async def sso_users(self, tenant: TenantId) -> list[SsoUser]:
        """Return the directory users who are assigned, directly or through a group, with what the filter says of each.

        A group counts by its direct members, as it does for the sign-in itself.
        Source: https://learn.microsoft.com/entra/identity/users/groups-saasapps (nested groups are not supported)
        Raises: NotFound; Rejected (`sso_users_off`, `sso_required`); NeedsAttention, Transient as the directory does.
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
            assigned = await _assignments(directory, sso.client_id)
            for assignment in assigned:
                if assignment.group:
                    for member in await _members(directory, assignment.principal_id):
                        people[member.id] = member
                        via[member.id].add(assignment.principal_id)
                else:
                    via[assignment.principal_id].add(_DIRECT)
            unknown = sorted(set(via) - set(people))
            people.update((user.id, user) for user in await directory.users_by_id(unknown))
        return sso_users(people.values(), via, preferences.sso_filter)

    async def product_users(self, tenant: TenantId) -> Sequence[ProductUser]:
        """Return the users of the product that were made. Raises: NotFound."""
        await self.tenants.get(tenant)
        return await self.users.list_users(tenant)

    async def make_user(self, tenant: TenantId, person: ObjectId, role: Role, by: str) -> ProductUser:
        """Create a product user from an SSO user with the given role. An existing product user is returned unchanged.

        Raises: NotFound (`not_assigned`); Rejected (`not_eligible`) with the reason; and as `sso_users`.
        """
        assigned = await self.sso_users(tenant)
        found = next((user for user in assigned if user.object_id == person), None)
        if found is None:
            raise NotFound("This person is not assigned to the sign-in application.", code="not_assigned")
        if not found.included or found.mail is None:
            raise Rejected(f"This person cannot become a user: {found.reason}.", code="not_eligible")
        user = ProductUser(
            object_id=person,
            mail=found.mail,
            display_name=found.display_name,
            role=role,
            created_at=self.clock.now(),
            created_by=by,
        )
        event("user_made", tenant=tenant, person=person, role=role, by=by)
        return await self.users.insert(tenant, user)


async def _assignments(directory: Directory, client_id: str) -> list[Assignment]:
    found: list[Assignment] = []
    link: str | None = None
    for _ in range(_MAX_PAGES):
        page = await directory.assignments(client_id, link)
        found += page.assignments
        link = page.next_cursor
        if link is None:
            return found
    raise Rejected(
        "Too many people and groups are assigned to the sign-in application to be shown.", code="too_many_assignments"
    )


async def _members(directory: Directory, group: ObjectId) -> list[DirectoryUser]:
    """Return a group's direct members; none of one that is gone."""
    found: list[DirectoryUser] = []
    link: str | None = None
    for _ in range(_MAX_PAGES):
        try:
            page = await directory.users(Source(group=group, transitive=False), link)
        except NotFound:
            return []
        found += page.users
        link = page.next_cursor
        if link is None:
            return found
    raise Rejected("An assigned group has too many members to be shown.", code="too_many_assignments")
