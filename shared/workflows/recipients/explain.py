"""Explain: whether somebody is a recipient, location by location, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from shared.domain.directory import DirectoryUser, Group
from shared.domain.ids import MAIN, LocationId, ObjectId, RunId, SourceId, TenantId, object_id, recipient_id_of
from shared.domain.preferences.filters import address_of
from shared.domain.preferences.group_mapping import Location, sources_of
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.recipient import Recipient
from shared.domain.reconcile.absence import EVERYONE
from shared.domain.reconcile.explanation import Explanation, Known, explain
from shared.domain.run import RunKind, RunState
from shared.errors import NeedsAttention, NotFound, Rejected, Transient
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.snapshots import SnapshotStore
from shared.ports.tenants import SettingsStore, TenantStore
from shared.workflows.connections.directory_access import DirectoryAccess
from shared.workflows.recipients.group_paths import shortest_paths
from shared.workflows.snapshots.reader import stored_users


class PersonView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whom the answer is about, as the directory, or else the last sync, knows them."""

    object_id: ObjectId
    user_principal_name: str
    display_name: str | None
    mail: str | None
    account_enabled: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Everything about one person."""

    user: PersonView | None
    #: Whether the directory has them now; None if it could not be asked.
    in_directory: bool | None
    #: Others whom the words fit as well.
    others: tuple[ObjectId, ...]
    locations: tuple[Explanation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explain:
    """Looks a person up in the directory, in what was last read, and among the recipients."""

    tenants: TenantStore
    settings: SettingsStore
    runs: RunStore
    snapshots: SnapshotStore
    recipients: RecipientStore
    access: DirectoryAccess

    async def __call__(self, tenant: TenantId, text: str) -> Answer:
        """Return why the person with this address, user principal name or object id is or is not a recipient.

        Raises: NotFound for an unknown tenant; Rejected (`invalid_query`) without words.
        """
        words = text.strip()
        if not words:
            raise Rejected(
                "The person is missing: enter an e-mail address, a user principal name or an object id.",
                code="invalid_query",
            )
        await self.tenants.get(tenant)
        preferences = await self.settings.get_preferences(tenant)
        locations = await self.settings.list_locations(tenant)
        live = await self._live(tenant, words)
        sources, _ = sources_of(preferences, locations)
        everyone = await self._read(tenant, EVERYONE, words, live) if EVERYONE in sources else None
        read = {source: await self._read(tenant, source, words, live or everyone) for source in sources}
        named = {each.id: each for each in (*(live or ()), *(everyone or ()))}
        read = {source: found and _named(found, named) for source, found in read.items()}
        people = {each.id: each for found in read.values() if found for each in found}
        person = next(iter(live or ()), None) or next(iter(people.values()), None)
        known = Known(
            live=next(iter(live), None) if live else None,
            asked=live is not None,
            read={
                source: next((each for each in found if person is not None and each.id == person.id), None)
                for source, found in read.items()
                if found is not None
            },
            run=await self._last_run(tenant),
            paths=await self._paths(tenant, live, locations, preferences),
        )
        explained = []
        for location in locations:
            recipient = await self._recipient(tenant, location.id, words, person)
            explained.append(explain(location, recipient, known, preferences))
        alike = {each.id for each in live or ()} | set(people)
        return Answer(
            user=_view(person),
            in_directory=bool(live) if live is not None else None,
            others=tuple(sorted(alike - {person.id})) if person else (),
            locations=tuple(explained),
        )

    async def _live(self, tenant: TenantId, words: str) -> list[DirectoryUser] | None:
        """Return whom the directory knows by these words; None if it cannot be asked, which need not end the answer."""
        try:
            async with self.access.open(tenant) as directory:
                return sorted(await directory.find_users(words), key=lambda each: each.id)
        except (NeedsAttention, NotFound, Transient):
            return None

    async def _paths(
        self,
        tenant: TenantId,
        live: list[DirectoryUser] | None,
        locations: Sequence[Location],
        preferences: Preferences,
    ) -> Mapping[ObjectId, Sequence[Group]]:
        """Return through which groups the person is in the mapped ones; none if the directory cannot be asked."""
        mapped = {group.id for location in locations for group in location.groups}
        if not live or not mapped or preferences.mode is Mode.FULL:
            return {}
        try:
            async with self.access.open(tenant) as directory:
                return await shortest_paths(directory, live[0].id, mapped)
        except (NeedsAttention, NotFound, Transient):
            return {}

    async def _read(
        self, tenant: TenantId, source: SourceId, words: str, live: list[DirectoryUser] | None
    ) -> list[DirectoryUser] | None:
        """Return whom a source held when it was last read completely; None if it never was."""
        ref = await self.snapshots.find_current(tenant, source)
        if ref is None:
            return None
        users = stored_users(self.snapshots, tenant, ref)
        if live:
            ids = {each.id for each in live}
            return [each async for each in users if each.id in ids]
        wanted = words.casefold()
        return [
            each
            async for each in users
            if each.id == words or wanted in {each.user_principal_name.casefold(), (each.mail or "").casefold()}
        ]

    async def _recipient(
        self, tenant: TenantId, location: LocationId, words: str, person: DirectoryUser | None
    ) -> Recipient | None:
        """Return the recipient that the person is; one by object id goes before one by address."""
        try:
            made = recipient_id_of(MAIN, person.id if person else object_id(words))
            return await self.recipients.get(tenant, location, made)
        except (NotFound, Rejected):
            pass
        mails = {words.casefold(), (address_of(person) or "").casefold() if person else ""} - {""}
        by_mail = None
        async for each in self.recipients.list_recipients(tenant, location):
            if person is not None and (each.connection, each.object_id) == (MAIN, person.id):
                return each
            if each.profile.mail is not None and each.profile.mail.casefold() in mails:
                by_mail = by_mail or each
        return by_mail

    async def _last_run(self, tenant: TenantId) -> RunId | None:
        async for run in self.runs.list_runs(tenant):
            if run.kind is RunKind.SYNC and not run.preview and run.state in {RunState.DONE, RunState.HELD}:
                return run.id
        return None


def _named(found: list[DirectoryUser], named: Mapping[ObjectId, DirectoryUser]) -> list[DirectoryUser]:
    """Return who is in a source, with what is known of those of whom it gave only the id."""
    return [named.get(each.id, each) for each in found if each.id in named or not each.only_id]


def _view(person: DirectoryUser | None) -> PersonView | None:
    if person is None:
        return None
    return PersonView(
        object_id=person.id,
        user_principal_name=person.user_principal_name,
        display_name=person.display_name,
        mail=person.mail,
        account_enabled=person.account_enabled,
    )
