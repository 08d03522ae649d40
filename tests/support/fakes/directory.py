"""A directory in memory: users, groups within groups, and links that remember how far a reader has come."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast

import msgspec

from shared.domain.connections.entra.credential_expiry import Registration
from shared.domain.connections.entra.credentials import ClientCertificate, ClientSecret, Credentials, FederatedIdentity
from shared.domain.connections.entra.permissions import lost
from shared.domain.connections.entra.token_identity import TokenReport
from shared.domain.directory import (
    Assignment,
    AssignmentsPage,
    Capability,
    ChangesPage,
    DirectoryUser,
    Existence,
    Fields,
    Group,
    Source,
    UsersPage,
)
from shared.domain.ids import ObjectId, SourceId
from shared.errors import ChangeFeedUnsupported, DeltaLinkExpired, LoginRefused, NotFound, SyncError


class FakeDirectory:
    """`Directory` over dicts. Change it with `put`, `remove` and `members`; break it with `broken`."""

    def __init__(self, *, page_size: int = 2) -> None:
        self.page_size = page_size
        self.people: dict[ObjectId, DirectoryUser] = {}
        #: Whether absence may be concluded from its listings.
        self.conclusive = True
        self.members: dict[ObjectId, list[ObjectId]] = {}
        self.roles = frozenset({"User.Read.All", "Group.Read.All", "GroupMember.Read.All"})
        self.azure_tenant_id = "11111111-1111-4111-8111-111111111111"
        self.client_id = "22222222-2222-4222-8222-222222222222"
        self.object_id = "33333333-3333-4333-8333-333333333333"
        self.secret = "the-right-secret"
        self.certificate: str | None = None
        self.federated = False
        self.registrations: dict[str, Registration] = {}
        self.assigned: dict[str, list[Assignment]] = {self.client_id: []}
        #: For each source, the page at whose reading an error is raised, and the error; used up once.
        self.broken: dict[SourceId, tuple[int, SyncError]] = {}
        self.delta_expired = False
        #: People of whom a change says only that there was one.
        self.only_ids: set[ObjectId] = set()
        #: People about whom no question is answered.
        self.silent_about: set[ObjectId] = set()
        self.capabilities = frozenset(Capability)
        #: Raised whenever changes are asked for, until it is taken away.
        self.unreadable_changes: SyncError | None = None
        #: Whether it refuses its change feed, and how often that was asked for.
        self.no_feed = False
        self.feed_requests = 0
        self.requests = 0
        self._log: list[tuple[ObjectId, DirectoryUser | Fields | None]] = []
        #: The people and members that listings show, if these come from a replica that lags behind.
        self._replica: tuple[dict[ObjectId, DirectoryUser], dict[ObjectId, list[ObjectId]]] | None = None

    def put(self, *users: DirectoryUser) -> None:
        """Add people, or replace what is known about them."""
        for user in users:
            self.people[user.id] = user
            self._log.append((user.id, user))

    def report(self, person: ObjectId, fields: Fields | None) -> None:
        """Name a person in the changes with these fields only, or as removed, whatever there is to say of them."""
        self._log.append((person, fields))

    def lag(self) -> None:
        """Let listings come from a replica that does not see what happens from now on."""
        self._replica = dict(self.people), {group: list(members) for group, members in self.members.items()}

    def remove(self, *people: ObjectId) -> None:
        """Delete people, from every group too."""
        for person in people:
            del self.people[person]
            self._log.append((person, None))
            for members in self.members.values():
                if person in members:
                    members.remove(person)

    async def change_cursor(self) -> str:
        """Return a cursor of all changes from now on."""
        self.requests += 1
        self.feed_requests += 1
        if self.no_feed:
            raise ChangeFeedUnsupported("there is no change feed")
        return f"changes:{len(self._log)}"

    async def users(self, source: Source, cursor: str | None = None, *, managers: bool = False) -> UsersPage:
        """Return one page of a source's users."""
        if managers:
            return await self._with_managers(cursor)
        self.requests += 1
        number = int(cursor.removeprefix("page:")) if cursor else 0
        if source.id in self.broken and self.broken[source.id][0] == number:
            raise self.broken.pop(source.id)[1]
        people, members = self._replica or (self.people, self.members)
        everyone = sorted(self._ids(source, people, members))
        start = number * self.page_size
        listed = everyone[start : start + self.page_size]
        found = [DirectoryUser.only(person) if source.by_id else _listed(people[person]) for person in listed]
        more = start + self.page_size < len(everyone)
        cursor = f"page:{number + 1}" if more else None
        return UsersPage(users=found, next_cursor=cursor, conclusive=self.conclusive)

    async def _with_managers(self, cursor: str | None) -> UsersPage:
        """Return a page of everything that ever happened, as a delta query lists users with their managers."""
        page = await self.changes(cursor or "changes+managers:0")
        return UsersPage(
            users=[],
            changes=page.changes,
            next_cursor=page.next_cursor,
            change_cursor=page.change_cursor,
            conclusive=self.conclusive,
        )

    async def changes(self, cursor: str) -> ChangesPage:
        """Return what changed since a cursor, two entries a page. Raises DeltaLinkExpired."""
        self.requests += 1
        if self.unreadable_changes is not None:
            raise self.unreadable_changes
        if self.no_feed and cursor.endswith(":0"):
            raise ChangeFeedUnsupported("there is no change feed")
        if self.delta_expired or self.no_feed:
            raise DeltaLinkExpired("the delta token expired")
        kind, _, number = cursor.rpartition(":")
        start = int(number)
        managers = kind == "changes+managers"
        entries = self._log[start : start + 2]
        end = start + len(entries)
        more = end < len(self._log)
        read_later = {person for person, user in entries if user is not None} & self.only_ids
        return ChangesPage(
            changes=[
                (person, None if user is None else _fields(user, managers=managers))
                for person, user in entries
                if person not in read_later
            ],
            to_read=tuple(sorted(read_later)),
            next_cursor=f"{kind}:{end}" if more else None,
            change_cursor=None if more else f"{kind}:{end}",
        )

    async def check_existence(
        self, people: Sequence[ObjectId], groups: Sequence[Source]
    ) -> Mapping[ObjectId, Existence]:
        """Return whether each person exists in the directory, or in one of the groups."""
        self.requests += 1
        inside = {person for group in groups for person in self._ids(group, self.people, self.members)}
        return {person: self._existence(person, inside if groups else set(self.people)) for person in people}

    def _existence(self, person: ObjectId, inside: set[ObjectId]) -> Existence:
        user = self.people.get(person)
        if person in self.silent_about:
            return Existence.UNKNOWN
        if user is None:
            return Existence.NOT_FOUND
        if not user.active:
            return Existence.DISABLED
        if person not in inside:
            return Existence.NOT_IN_SOURCE
        return Existence.GUEST if user.guest else Existence.FOUND

    async def registration(self, client_id: str) -> Registration | None:
        """Return the app registration, if it is registered here."""
        return self.registrations.get(client_id)

    async def assignments(self, application: str, cursor: str | None = None) -> AssignmentsPage:
        """Return who is assigned to an enterprise application. Raises: NotFound."""
        del cursor
        self.requests += 1
        if application not in self.assigned:
            raise NotFound(f"There is no application {application}.", code="application_not_found")
        return AssignmentsPage(assignments=self.assigned[application], next_cursor=None)

    async def lost_permissions(self, *, sso_users: bool, proven: Source | None) -> Mapping[str, str]:
        """Return the needed permissions that are not granted."""
        return lost(self.roles, sso_users=sso_users, proven=proven)

    async def find_users(self, text: str) -> Sequence[DirectoryUser]:
        """Return the users with this object id, user principal name or e-mail address."""
        self.requests += 1
        if text in self.people:
            return [_listed(self.people[ObjectId(text)])]
        word = text.strip().casefold()
        return [
            _listed(person)
            for person in self.people.values()
            if word in {person.id, person.user_principal_name.casefold(), (person.mail or "").casefold()}
        ]

    async def users_by_id(self, people: Sequence[ObjectId]) -> Mapping[ObjectId, DirectoryUser | None]:
        """Return the users, None for one who is not there."""
        self.requests += 1
        asked = [person for person in people if person not in self.silent_about]
        return {person: _listed(self.people[person]) if person in self.people else None for person in asked}

    async def groups_by_id(self, groups: Sequence[ObjectId]) -> Sequence[Group]:
        """Return those of the groups that are there."""
        self.requests += 1
        return [Group(id=group, display_name=group) for group in groups if group in self.members]

    async def groups_of_user(self, person: ObjectId) -> Sequence[Group]:
        """Return the groups that a user is directly in. Raises: NotFound."""
        if person not in self.people:
            raise NotFound(f"There is no user {person}.", code="Request_ResourceNotFound")
        return self._with_member(person)

    async def groups_of_group(self, group: ObjectId) -> Sequence[Group]:
        """Return the groups that a group is directly in. Raises: NotFound."""
        if group not in self.members:
            raise NotFound(f"There is no group {group}.", code="group_not_found")
        return self._with_member(group)

    def _with_member(self, member: ObjectId) -> list[Group]:
        self.requests += 1
        return [Group(id=each, display_name=each) for each, members in self.members.items() if member in members]

    async def find_groups(self, search: str) -> Sequence[Group]:
        """Return the groups whose id begins with `search`."""
        return [Group(id=member, display_name=member) for member in sorted(self.members) if member.startswith(search)]

    async def token(self) -> TokenReport:
        """Return what a token says."""
        return TokenReport(
            azure_tenant_id=self.azure_tenant_id, client_id=self.client_id, object_id=self.object_id, roles=self.roles
        )

    def _ids(
        self, source: Source, people: Mapping[ObjectId, DirectoryUser], groups: Mapping[ObjectId, list[ObjectId]]
    ) -> set[ObjectId]:
        if source.group is None:
            return set(people)
        if source.group not in groups:
            raise NotFound(f"There is no group {source.group}.", code="group_not_found")
        found: set[ObjectId] = set()
        seen: set[ObjectId] = set()
        waiting = [source.group]
        while waiting:
            group = waiting.pop()
            seen.add(group)
            for member in groups.get(group, []):
                if member in people:
                    found.add(member)
                elif source.transitive and member not in seen:
                    waiting.append(member)
        return found


class FakeDirectories:
    """`EntraSessions` over directories by Azure tenant id; a wrong secret is refused at the first request."""

    def __init__(self) -> None:
        self.by_azure_tenant: dict[str, FakeDirectory] = {}
        #: How often somebody has signed in, or tried to.
        self.logins = 0

    def add(self, directory: FakeDirectory) -> FakeDirectory:
        """Register a directory and return it."""
        self.by_azure_tenant[directory.azure_tenant_id] = directory
        return directory

    @asynccontextmanager
    async def open(self, credentials: Credentials) -> AsyncIterator[FakeDirectory]:
        """Return the directory of the credentials' tenant; its methods raise LoginRefused if they are wrong."""
        self.logins += 1
        refusal = self._refusal(credentials)
        if refusal is not None:
            yield cast("FakeDirectory", _Refusing(refusal))
        else:
            yield self.by_azure_tenant[credentials.azure_tenant_id]

    async def close(self) -> None:
        """Close nothing."""

    def _refusal(self, credentials: Credentials) -> LoginRefused | None:
        directory = self.by_azure_tenant.get(credentials.azure_tenant_id)
        if directory is None:
            return LoginRefused("Tenant not found.", code="AADSTS90002", blames_credentials=False)
        if credentials.client_id != directory.client_id:
            return LoginRefused("Application not found in the directory.", code="AADSTS700016")
        match credentials.proof:
            case ClientSecret(value=value) if value != directory.secret:
                return LoginRefused("Invalid client secret provided.", code="AADSTS7000215")
            case ClientCertificate(value=value) if value != directory.certificate:
                return LoginRefused("The certificate is not registered.", code="AADSTS700027")
            case FederatedIdentity() if not directory.federated:
                return LoginRefused("No matching federated identity record.", code="AADSTS70021")
        return None


class _Refusing:
    """A directory that refuses the credentials: opening it sends no request, the first request is refused."""

    capabilities = frozenset(Capability)

    def __init__(self, refusal: LoginRefused) -> None:
        self._refusal = refusal

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        async def refuse(*_: object, **__: object) -> object:
            raise self._refusal

        return refuse


def _listed(user: DirectoryUser) -> DirectoryUser:
    """Return a user as a listing knows them: without their manager."""
    return msgspec.structs.replace(user, manager=None)


def _fields(user: DirectoryUser | Fields, *, managers: bool) -> Fields:
    if isinstance(user, dict):
        return user
    fields = msgspec.structs.asdict(user)
    del fields["id"]
    if not managers:
        del fields["manager"]
    return fields
