"""Explain: whether a person is a recipient at each location, and why."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec

from shared.domain.directory import DirectoryUser, Group, InactiveReason
from shared.domain.ids import MAIN, LocationId, ObjectId, RunId, SourceId, TenantId, object_id, recipient_id_of
from shared.domain.preferences.filters import address_of
from shared.domain.preferences.group_mapping import Location, sources_of
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.recipient import Recipient
from shared.domain.reconcile.absence import EVERYONE
from shared.domain.reconcile.explanation import Explanation, PersonFacts, explain
from shared.domain.run import RunKind, RunState
from shared.domain.text import address_key
from shared.errors import NeedsAttention, NotFound, Rejected, Transient
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.snapshots import SnapshotStore
from shared.ports.tenants import SettingsStore, TenantStore
from shared.runtime.fair_scheduler import paced
from shared.workflows.connections.directory_access import DirectoryAccess
from shared.workflows.recipients.group_paths import shortest_paths
from shared.workflows.snapshots.reader import stored_partitions


class PersonView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The person that an answer is about: from the live directory, otherwise from the last sync."""

    object_id: ObjectId
    user_principal_name: str
    display_name: str | None
    mail: str | None
    #: None if the directory does not show it.
    account_enabled: bool | None
    #: Why the account is not enabled; None if it is.
    inactive_reason: InactiveReason | None


class Answer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The person that a query names, and one explanation per location."""

    user: PersonView | None
    #: Whether the live directory has the person; None if it could not be queried.
    in_directory: bool | None
    #: Ids of the other people that match the query, sorted.
    others: tuple[ObjectId, ...]
    locations: tuple[Explanation, ...]


class Explain(msgspec.Struct, frozen=True, kw_only=True):
    """Looks a person up in the live directory, in the current snapshots and among the recipients."""

    tenants: TenantStore
    settings: SettingsStore
    runs: RunStore
    snapshots: SnapshotStore
    recipients: RecipientStore
    access: DirectoryAccess

    async def __call__(self, tenant: TenantId, text: str) -> Answer:
        """Return why the person with this address, user principal name or object id is or is not a recipient.

        Without access to the directory, the answer uses only stored data.

        Raises:
            NotFound: The tenant does not exist.
            Rejected: The query is empty (`invalid_query`).
        """
        query = text.strip()
        if not query:
            raise Rejected(
                "The person is missing: enter an e-mail address, a user principal name or an object id.",
                code="invalid_query",
            )
        await self.tenants.get(tenant)
        with suppress(Rejected):  # not an id, as most queries
            query = (await self.access.provider(tenant)).object_id(query)
        preferences = await self.settings.get_preferences(tenant)
        locations = await self.settings.list_locations(tenant)
        live = await self._live(tenant, query)
        sources, _ = sources_of(preferences, locations)
        everyone = await self._read(tenant, EVERYONE, query, live) if EVERYONE in sources else None
        read = {source: await self._read(tenant, source, query, live or everyone) for source in sources}
        profiles = {user.id: user for user in (*(live or ()), *(everyone or ()))}
        read = {source: users and _with_profiles(users, profiles) for source, users in read.items()}
        people = {user.id: user for users in read.values() if users for user in users}
        person = next(iter(live or ()), None) or next(iter(people.values()), None)
        evidence = PersonFacts(
            live=next(iter(live), None) if live else None,
            asked=live is not None,
            read={
                source: next((user for user in users if person is not None and user.id == person.id), None)
                for source, users in read.items()
                if users is not None
            },
            run=await self._last_run(tenant),
            paths=await self._paths(tenant, live, locations, preferences),
        )
        explanations = []
        for location in locations:
            recipient = await self._recipient(tenant, location.id, query, person)
            explanations.append(explain(location, recipient, evidence, preferences))
        matches = {user.id for user in live or ()} | set(people)
        return Answer(
            user=_view(person),
            in_directory=bool(live) if live is not None else None,
            others=tuple(sorted(matches - {person.id})) if person else (),
            locations=tuple(explanations),
        )

    async def _live(self, tenant: TenantId, query: str) -> list[DirectoryUser] | None:
        """Return the users of the live directory that match the query, by id. None if it cannot be queried.

        An unavailable directory is not an error here: the answer then rests on stored data.
        """
        try:
            async with self.access.open(tenant) as directory:
                return sorted(await directory.find_users(query), key=lambda user: user.id)
        except (NeedsAttention, NotFound, Transient):
            return None

    async def _paths(
        self,
        tenant: TenantId,
        live: list[DirectoryUser] | None,
        locations: Sequence[Location],
        preferences: Preferences,
    ) -> Mapping[ObjectId, Sequence[Group]]:
        """Return the membership path to each mapped group, or nothing if the directory cannot be queried."""
        mapped = {group.id for location in locations for group in location.groups}
        if not live or not mapped or preferences.mode is Mode.FULL:
            return {}
        try:
            async with self.access.open(tenant) as directory:
                return await shortest_paths(directory, live[0].id, mapped)
        except (NeedsAttention, NotFound, Transient):
            return {}

    async def _read(
        self, tenant: TenantId, source: SourceId, query: str, live: list[DirectoryUser] | None
    ) -> list[DirectoryUser] | None:
        """Return the matching users of a source's current snapshot. None if the source was never read completely.

        A user matches by id if `live` has users, otherwise by the query.
        """
        manifest = await self.snapshots.find_current(tenant, source)
        if manifest is None:
            return None
        parts = stored_partitions(self.snapshots, tenant, manifest)
        if live:
            return [part.users[user.id] async for part in parts for user in live if user.id in part.users]
        key = address_key(query)
        return [
            user
            async for part in parts
            async for user in paced(part.users.values())
            if user.id == query or key in {address_key(user.user_principal_name), address_key(user.mail or "")}
        ]

    async def _recipient(
        self, tenant: TenantId, location: LocationId, query: str, person: DirectoryUser | None
    ) -> Recipient | None:
        """Return the person's recipient at a location; a match by object id takes precedence over one by address."""
        try:
            recipient_id = recipient_id_of(MAIN, person.id if person else object_id(query))
            return await self.recipients.get(tenant, location, recipient_id)
        except (NotFound, Rejected):
            pass
        mails = {address_key(query), address_key(address_of(person) or "") if person else ""} - {""}
        by_mail = None
        async for recipient in self.recipients.list_recipients(tenant, location):
            if person is not None and (recipient.connection, recipient.object_id) == (MAIN, person.id):
                return recipient
            if recipient.profile.mail is not None and address_key(recipient.profile.mail) in mails:
                by_mail = by_mail or recipient
        return by_mail

    async def _last_run(self, tenant: TenantId) -> RunId | None:
        async for run in self.runs.list_runs(tenant):
            if run.kind is RunKind.SYNC and not run.preview and run.state in {RunState.DONE, RunState.HELD}:
                return run.id
        return None


def _with_profiles(users: list[DirectoryUser], profiles: Mapping[ObjectId, DirectoryUser]) -> list[DirectoryUser]:
    """Return the users with their profiles, without those that have only an id and no profile."""
    return [profiles.get(user.id, user) for user in users if user.id in profiles or not user.only_id]


def _view(person: DirectoryUser | None) -> PersonView | None:
    if person is None:
        return None
    return PersonView(
        object_id=person.id,
        user_principal_name=person.user_principal_name,
        display_name=person.display_name,
        mail=person.mail,
        account_enabled=None if person.inactive is InactiveReason.UNKNOWN else person.active,
        inactive_reason=person.inactive,
    )
