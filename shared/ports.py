"""What the workflows need from the outside, as Protocols. Adapters implement them; `shared.bootstrap` wires them."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec

from shared.domain.access.callers import Admins, Person
from shared.domain.access.idempotency import Use
from shared.domain.access.sso_users import ProductUser
from shared.domain.connections.connection import Connection, Credentials, SsoApplication
from shared.domain.connections.connection_health import Health
from shared.domain.connections.credential_expiry import Registration
from shared.domain.deletion import Deletion
from shared.domain.directory import AssignmentsPage, DeltaPage, DirectoryUser, Group, Presence, Source, UsersPage
from shared.domain.ids import LocationId, ObjectId, RecipientId, RunId, SourceId, TenantId
from shared.domain.imports.large_import import Import, ImportMark, ImportRef
from shared.domain.optimistic_locking import Expected, Part
from shared.domain.preferences.group_mapping import GroupMapping, Location
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Change, Counts, Recipient
from shared.domain.run import Plan, Run, Summary, TenantState
from shared.domain.snapshots.snapshot import Mark, Page, SnapshotRef
from shared.domain.sync.jobs import (
    Candidate,
    FetchJob,
    FetchMarker,
    FetchPosition,
    ImportJob,
    ReconcileJob,
    ReconcileMarker,
    RetireJob,
    SyncRequest,
)

T = TypeVar("T")


class Versioned(NamedTuple, Generic[T]):
    """A stored value and the ETag under which it was read; None where the row does not exist yet."""

    value: T
    etag: str | None


class Clock(Protocol):
    """Time, so that tests can turn it."""

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""

    def monotonic_s(self) -> float:
        """Return seconds since some fixed moment, never going backwards."""


class TokenReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a fresh token says about the application: ids, and the granted application permissions."""

    azure_tenant_id: str
    client_id: str
    object_id: str
    roles: frozenset[str]


class Directory(Protocol):
    """One tenant's directory, read with its credentials. Every method may raise Transient or NeedsAttention."""

    async def latest_delta_link(self) -> str:
        """Return a link that leads to whatever changes about users from now on, without listing any."""

    def everybody_with_managers(self) -> str:
        """Return the link with which `changed_users` lists everybody, with their managers, and then what changes."""

    async def users(self, source: Source, next_link: str | None = None) -> UsersPage:
        """Return the first page of the source's users, or the one that `next_link` names.

        Raises: NotFound (`group_not_found`) for a group that is not there; Conflict (`page_expired`) when the listing
        must start again from its first page, forgetting what was read.
        """

    async def changed_users(self, link: str) -> DeltaPage:
        """Return one page of changes. Raises: Conflict (`delta_expired`) when only a full listing helps."""

    async def presence(self, people: Sequence[ObjectId], groups: Sequence[Source]) -> Mapping[ObjectId, Presence]:
        """Return for each person what a point check finds out, `groups` empty meaning the whole directory."""

    async def find_users(self, text: str) -> Sequence[DirectoryUser]:
        """Return the users, up to ten, with this object id, user principal name or e-mail address, in any case."""

    async def users_by_id(self, people: Sequence[ObjectId]) -> Sequence[DirectoryUser]:
        """Return those of the users whom the directory still has."""

    async def groups_of_user(self, person: ObjectId) -> Sequence[Group]:
        """Return the groups that a user is directly in. Raises: NotFound."""

    async def groups_of_group(self, group: ObjectId) -> Sequence[Group]:
        """Return the groups that a group is directly in. Raises: NotFound."""

    async def groups_by_id(self, groups: Sequence[ObjectId]) -> Sequence[Group]:
        """Return those of the groups which the directory still has."""

    async def groups(self, search: str) -> Sequence[Group]:
        """Return up to 50 groups whose name begins with `search`, or the one group whose id it is."""

    async def token(self) -> TokenReport:
        """Return what a fresh, uncached token says. Raises: LoginRefused with the AADSTS number as code."""

    async def registration(self, client_id: str) -> Registration | None:
        """Return the app registration of an application, None if it is registered in another tenant."""

    async def assignments(self, client_id: str, next_link: str | None = None) -> AssignmentsPage:
        """Return a page of who is assigned to an enterprise application. Raises: NotFound (`application_not_found`)."""


class DirectoryFactory(Protocol):
    """Opens directories."""

    def open(self, credentials: Credentials) -> AbstractAsyncContextManager[Directory]:
        """Return a directory that lives as long as the context. Opening sends no request."""


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that was opened: with its private key as unencrypted PEM, and when it ends."""

    pem: str
    ends: datetime

    def __repr__(self) -> str:
        return f"Certificate(pem=…, ends={self.ends!r})"


class CertificateReader(Protocol):
    """Opens certificates that people paste or upload."""

    async def read(self, text: str, password: str) -> Certificate:
        """Return the certificate in PEM or in a PFX in base64.

        Raises: Rejected with code `certificate_unreadable`, `certificate_password` or `certificate_without_key`.
        """


class SecretStore(Protocol):
    """Key Vault."""

    async def put(self, name: str, value: str) -> str:
        """Store a new version of a secret and return the version."""

    async def get(self, name: str, version: str) -> str:
        """Return a secret. Raises: NotFound if it was erased."""

    async def erase(self, name: str) -> None:
        """Delete a secret with all versions; one that is not there is no error."""


class TenantSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant, as lists show it."""

    id: TenantId
    name: str


class ConnectedTenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant with a connection, and when its credential ends, if that is known."""

    id: TenantId
    secret_expires_on: datetime | None


class Briefing(msgspec.Struct, frozen=True, kw_only=True):
    """What a step has to know of a tenant, as it was at one moment."""

    #: None where there is no such tenant.
    tenant: TenantSummary | None
    #: None while it is switched off.
    connection: Connection | None
    preferences: Preferences
    health: Versioned[Health]
    state: Versioned[TenantState]


class TenantStore(Protocol):
    """Tenants with their configuration, locations and mappings, and the state that runs compete for."""

    async def briefing(self, tenant: TenantId) -> Briefing:
        """Return at once what `get`, `connection`, `preferences`, `health` and `state` return one by one."""

    async def version(self, tenant: TenantId, part: Part) -> str | None:
        """Return the ETag of a part of the configuration, None where it was never stored."""

    async def put(self, tenant: TenantSummary, expected: Expected | None = None) -> str:
        """Create a tenant or rename it, and return its new ETag. Raises: Conflict unless it finds what is expected."""

    async def get(self, tenant: TenantId) -> TenantSummary:
        """Return a tenant. Raises: NotFound."""

    def all(self, after: str = "") -> AsyncIterator[TenantSummary]:
        """Iterate over all tenants by id, those behind the id `after` only."""

    def connected(self) -> AsyncIterator[ConnectedTenant]:
        """Iterate over the tenants that have a connection."""

    def active(self) -> AsyncIterator[tuple[TenantId, TenantState]]:
        """Iterate over the tenants that have an active run or a waiting request, with their state."""

    async def connection(self, tenant: TenantId) -> Connection | None:
        """Return the tenant's connection, None while it is switched off."""

    async def put_connection(
        self, tenant: TenantId, connection: Connection | None, expected: Expected | None = None
    ) -> str | None:
        """Store a connection and return its ETag, or erase it with None. Raises: Conflict as `put`."""

    async def replace_connection(self, tenant: TenantId, old: Connection, new: Connection) -> None:
        """Store a connection in the place of `old`. Raises: Conflict if that is not what is stored."""

    async def health(self, tenant: TenantId) -> Versioned[Health]:
        """Return the health of the tenant's connection; a fresh one with ETag None if nothing ever went wrong."""

    async def swap_health(self, tenant: TenantId, health: Health, etag: str | None) -> str:
        """Replace the health and return its new ETag. Raises: Conflict if it changed since it was read."""

    def ailing(self) -> AsyncIterator[tuple[TenantId, Health]]:
        """Iterate over the tenants whose health is `open`."""

    async def forget_health(self, tenant: TenantId) -> None:
        """Delete the health; one that is not there is no error."""

    async def deletion(self, tenant: TenantId) -> Versioned[Deletion | None]:
        """Return the tenant's deletion, None with ETag None if it was not deleted of late."""

    async def swap_deletion(self, tenant: TenantId, deletion: Deletion, etag: str | None) -> str:
        """Write a deletion down and return its new ETag. Raises: Conflict if it changed since it was read.

        It is kept apart from the tenant's rows, and stays when they are erased.
        """

    async def forget_deletion(self, tenant: TenantId, etag: str) -> None:
        """Delete a deletion; one that is not there is no error. Raises: Conflict if it changed since it was read."""

    def deletions(self) -> AsyncIterator[tuple[TenantId, Deletion]]:
        """Iterate over all deletions."""

    async def admins(self, tenant: TenantId) -> Admins:
        """Return who may administer the tenant, nobody if that was never stored."""

    def all_admins(self) -> AsyncIterator[tuple[TenantId, Admins]]:
        """Iterate over the tenants that somebody was ever named admin of, with who that is."""

    async def put_admins(self, tenant: TenantId, admins: Admins, expected: Expected | None = None) -> str | None:
        """Store who may administer the tenant, and return its ETag. Raises: Conflict as `put`."""

    async def sso(self, tenant: TenantId) -> SsoApplication | None:
        """Return the tenant's SSO application, if there is one."""

    async def put_sso(
        self, tenant: TenantId, sso: SsoApplication | None, expected: Expected | None = None
    ) -> str | None:
        """Store the SSO application and return its ETag, or erase it with None. Raises: Conflict as `put`."""

    async def preferences(self, tenant: TenantId) -> Preferences:
        """Return the tenant's preferences, the defaults if none were ever stored."""

    async def put_preferences(
        self, tenant: TenantId, preferences: Preferences, expected: Expected | None = None
    ) -> str | None:
        """Store preferences, and return their ETag. Raises: Conflict as `put`."""

    async def state(self, tenant: TenantId) -> Versioned[TenantState]:
        """Return the tenant's state; a fresh one with ETag None if it never had any."""

    async def swap_state(self, tenant: TenantId, state: TenantState, etag: str | None) -> str:
        """Replace the state and return its new ETag. Raises: Conflict if it changed since it was read."""

    def summaries(self) -> AsyncIterator[tuple[TenantId, Summary]]:
        """Iterate over the summaries of all tenants that have a state, by id."""

    async def locations(self, tenant: TenantId) -> Sequence[Location]:
        """Return all locations by id, each with its mapping."""

    async def location(self, tenant: TenantId, location: LocationId) -> Versioned[Location | None]:
        """Return a location with its mapping, None with ETag None if there is none."""

    async def put_location(
        self, tenant: TenantId, location: LocationId, name: str, expected: Expected | None = None
    ) -> str:
        """Create or rename a location, whose mapping stays; return its new ETag. Raises: Conflict as `put`."""

    async def put_mapping(
        self,
        tenant: TenantId,
        location: LocationId,
        groups: Sequence[GroupMapping],
        expected: Expected | None = None,
    ) -> str:
        """Replace the mapping of a location as a whole, and return the location's new ETag.

        Raises: NotFound for an unknown location; Conflict as `put`.
        """

    async def delete_location(self, tenant: TenantId, location: LocationId) -> None:
        """Delete a location and its mapping; its recipients are not this store's."""

    async def erase(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""


class RunProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How many of a run's jobs have ended, and what they have done so far."""

    fetched: int
    sources: int
    reconciled: int
    locations: int
    #: People read, of sources that are still being read as well.
    people: int = 0
    #: Recipients written, at locations that are still being compared as well.
    written: int = 0


class RunStore(Protocol):
    """Runs, their plans, jobs and markers."""

    async def insert_plan(self, plan: Plan) -> Plan:
        """Store a plan unless the run has one, and return the one that is stored."""

    async def plan(self, tenant: TenantId, run: RunId) -> Plan:
        """Return a run's plan. Raises: NotFound."""

    async def insert(self, run: Run) -> bool:
        """Store a new run, and return whether it is new; one that is stored already stays as it is."""

    async def get(self, tenant: TenantId, run: RunId) -> Versioned[Run]:
        """Return a run. Raises: NotFound."""

    async def swap(self, run: Run, etag: str | None) -> str:
        """Replace a run and return its new ETag. Raises: Conflict if it changed since it was read."""

    def history(self, tenant: TenantId, *, since: datetime | None = None, after: str = "") -> AsyncIterator[Run]:
        """Iterate over a tenant's runs, newest first, down to those requested at `since`, from behind `after` on."""

    async def position(self, job: FetchJob) -> FetchPosition | None:
        """Return where a fetch that was cut goes on."""

    async def put_position(self, job: FetchJob, position: FetchPosition | None) -> None:
        """Remember where a fetch goes on, or forget it with None."""

    async def mark_fetch(self, job: FetchJob, marker: FetchMarker) -> FetchMarker:
        """Insert a marker unless there is one, and return the one that is stored."""

    async def mark_reconcile(self, job: ReconcileJob, marker: ReconcileMarker) -> ReconcileMarker:
        """Insert a marker unless there is one, and return the one that is stored."""

    async def fetch_marker(self, job: FetchJob) -> FetchMarker | None:
        """Return a job's marker, None if it has none."""

    async def is_reconciled(self, job: ReconcileJob) -> bool:
        """Tell whether a job has a marker."""

    async def fetched(self, tenant: TenantId, run: RunId) -> Collection[SourceId]:
        """Return the sources that have a marker, without reading any."""

    async def reconciled(self, tenant: TenantId, run: RunId) -> Collection[LocationId]:
        """Return the locations that have a marker, without reading any."""

    async def fetch_markers(self, tenant: TenantId, run: RunId) -> Mapping[SourceId, FetchMarker]:
        """Return the markers of all sources that have one."""

    async def reconcile_markers(self, tenant: TenantId, run: RunId) -> Mapping[LocationId, ReconcileMarker]:
        """Return the markers of all locations that have one."""

    async def mark_held(
        self, tenant: TenantId, run: RunId, location: LocationId, people: Sequence[Candidate]
    ) -> Sequence[Candidate]:
        """Store whose deactivation waits at a location unless that is stored, and return what is stored."""

    async def held(self, tenant: TenantId, run: RunId) -> Mapping[LocationId, Sequence[Candidate]]:
        """Return whose deactivation waits, by location; empty for a run that was never held."""

    async def progress(self, tenant: TenantId, run: RunId) -> RunProgress:
        """Return how far a run is; zeros before it has a plan."""

    async def erase(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""


class SnapshotStore(Protocol):
    """The pages of snapshots, and which snapshot of a source is current."""

    async def current(self, tenant: TenantId, source: SourceId) -> SnapshotRef | None:
        """Return the snapshot of the last complete read whose changes were applied."""

    async def stage(self, tenant: TenantId, source: SourceId, attempt: str, first: int, pages: Sequence[Page]) -> None:
        """Store pages of an attempt, numbered from `first` on; the same ones may be stored again."""

    def marks(self, tenant: TenantId, ref: SnapshotRef) -> AsyncIterator[Mark]:
        """Iterate over the marks of a snapshot's pages in order, as they are there, without reading the pages."""

    def pages(self, tenant: TenantId, ref: SnapshotRef, only: Collection[str] | None = None) -> AsyncIterator[bytes]:
        """Iterate over the pages of a snapshot in order, as they are there: whoever takes them verifies them.

        `only` names some of their places.
        """

    async def commit(
        self,
        tenant: TenantId,
        ref: SnapshotRef,
        generation: int,
        *,
        sweep: bool = True,
        guard: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Make a snapshot current and delete all other pages of its source; nothing if a newer generation did so.

        Without `sweep` nothing is deleted if its pages were current before. `guard` raises unless its run still has
        the tenant; it is called when all that will be deleted is known, so that no page of a later run is among it.
        """

    async def erase(self, tenant: TenantId) -> None:
        """Delete every row of the tenant. Sources are those ever committed or staged."""


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """The row that every write to a location's recipients must merge, so that only one worker can write at a time."""

    generation: int = 0
    #: Who took it last, and with which of its writes it was merged last.
    attempt: str = ""
    operation: int = 0
    #: `ReconcileMarker.inputs` of the last complete reconcile, None since anything else wrote here.
    inputs: str | None = None
    #: Active recipients after the last complete reconcile.
    active: int = 0


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The changes of one batch, written with it. `actor` is `sync` or a person's id."""

    run: RunId
    actor: str
    at: datetime
    changes: tuple[Change, ...]


class Irregular(msgspec.Struct, frozen=True, kw_only=True):
    """People whose recipient at a location is another one than a first sync would make of them.

    It holds while the fence was last taken by this attempt: whoever writes there otherwise is another one.
    """

    attempt: str
    people: tuple[ObjectId, ...]


class RecipientStore(Protocol):
    """Recipients, one partition per (tenant, location)."""

    async def irregular(self, tenant: TenantId, location: LocationId) -> Irregular | None:
        """Return what was last put, None if nothing was."""

    async def put_irregular(self, tenant: TenantId, location: LocationId, irregular: Irregular) -> None:
        """Store it in the place of what was there."""

    async def fence(self, tenant: TenantId, location: LocationId) -> Versioned[Fence]:
        """Return a location's fence; a fresh one with ETag None if nothing was ever written there."""

    async def swap_fence(self, tenant: TenantId, location: LocationId, fence: Fence, etag: str | None) -> str:
        """Replace the fence alone and return its new ETag. Raises: Conflict if it changed since it was read."""

    def read(self, tenant: TenantId, location: LocationId, *, start: str = "") -> AsyncIterator[Recipient]:
        """Iterate over the recipients of a location by id, from the id `start` on."""

    async def get(self, tenant: TenantId, location: LocationId, recipient: RecipientId) -> Recipient:
        """Return one recipient. Raises: NotFound."""

    async def write(
        self,
        tenant: TenantId,
        location: LocationId,
        recipients: Sequence[Recipient],
        journal: JournalEntry,
        fence: Versioned[Fence],
    ) -> str:
        """Write at most `MAX_BATCH_RECIPIENTS`, their journal and the fence in one batch, all or nothing.

        Returns the fence's new ETag. Raises: Conflict if the fence changed since it was read; Transient if it is not
        known whether the batch was committed (the fence's `attempt` and `operation` then tell); TooLarge if nothing
        was written because it is more than fits one batch.
        """

    async def journal_counts(self, tenant: TenantId, location: LocationId, run: RunId) -> Counts:
        """Return what a run has changed at a location so far, over all its attempts."""

    def journal(self, tenant: TenantId, location: LocationId, run: RunId) -> AsyncIterator[JournalEntry]:
        """Iterate over what a run has changed at a location, in the order of writing."""

    def deactivated_by(self, tenant: TenantId, location: LocationId, run: RunId) -> AsyncIterator[RecipientId]:
        """Iterate over whom a run has deactivated at a location so far; in no order, and not all held at once."""

    async def touched_after(self, tenant: TenantId, location: LocationId, run: RunId) -> set[RecipientId]:
        """Return whom any run that was asked for after this one has changed at a location."""

    async def erase(self, tenant: TenantId, location: LocationId) -> None:
        """Delete every row of the location's partition."""

    async def erase_all(self, tenant: TenantId) -> None:
        """Delete every row of all locations of the tenant."""


#: A batch holds 100 entities: these, one journal row and the fence.
#: Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
MAX_BATCH_RECIPIENTS = 98


class Replay(StrEnum):
    """How far putting a message back has come."""

    NONE = "none"
    SENDING = "sending"
    SENT = "sent"


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that needs the operator's eye: what happened, and what to do about it."""

    id: str
    at: datetime
    #: The queue of a message that could not be worked off; `connection` for what happened to a connection.
    queue: str
    code: str
    detail: str
    body: str
    tenant: TenantId | None = None
    run: RunId | None = None
    replay: Replay = Replay.NONE
    replayed_at: datetime | None = None
    replayed_by: str | None = None

    def names(self, tenant: TenantId) -> bool:
        """Tell whether the entry is the tenant's, or of a message that nobody could read but that names the tenant."""
        if self.tenant is not None:
            return self.tenant == tenant
        return re.search(rf"(?<![a-z0-9-]){re.escape(tenant)}(?![a-z0-9-])", self.body) is not None


class Ledger(Protocol):
    """The operator's list of what went wrong."""

    async def record(self, entry: LedgerEntry) -> None:
        """Store an entry; the same id stored again changes nothing."""

    def entries(self) -> AsyncIterator[LedgerEntry]:
        """Iterate over the entries, newest first."""

    async def find(self, entry: str) -> Sequence[Versioned[LedgerEntry]]:
        """Return the entries with this id: mostly one, or none."""

    async def swap(self, entry: LedgerEntry, etag: str | None) -> str:
        """Replace an entry and return its new ETag. Raises: Conflict if it changed since it was read."""

    async def discard(self, entry: LedgerEntry, etag: str | None) -> None:
        """Delete an entry; one that is not there is no error. Raises: Conflict if it changed since it was read."""

    async def erase(self, tenant: TenantId) -> None:
        """Delete the entries that name the tenant."""


class UserStore(Protocol):
    """Users of the product, as they were made from SSO users."""

    async def add(self, tenant: TenantId, user: ProductUser) -> ProductUser:
        """Store a user; one who is stored already stays, and is returned."""

    async def all(self, tenant: TenantId) -> Sequence[ProductUser]:
        """Return the tenant's users by object id."""

    async def erase(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""


class UseStore(Protocol):
    """What idempotency keys were used for, by names that are hashes of them."""

    async def find(self, tenant: TenantId, name: str) -> Versioned[Use | None]:
        """Return what a key was used for, None with ETag None if it was not."""

    async def swap(self, tenant: TenantId, name: str, use: Use, etag: str | None) -> str:
        """Store what a key is used for, and return the ETag. Raises: Conflict if it changed since it was read."""

    async def forget(self, tenant: TenantId, name: str, etag: str) -> None:
        """Delete a use, unless it changed since it was read."""

    async def sweep(self, before: datetime) -> None:
        """Delete what was used before a moment."""

    async def erase(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""


class ImportStore(Protocol):
    """Large imports, and the parts of their files."""

    async def insert(self, new: Import) -> None:
        """Store a new import. Raises: Conflict if there is one of its id."""

    async def get(self, ref: ImportRef) -> Versioned[Import]:
        """Return an import. Raises: NotFound."""

    async def swap(self, changed: Import, etag: str | None) -> str:
        """Replace an import and return its new ETag. Raises: Conflict if it changed, or vanished, since it was read."""

    def marks(self, tenant: TenantId | None = None) -> AsyncIterator[ImportMark]:
        """Iterate over the imports of a tenant, or of all."""

    async def put_part(self, ref: ImportRef, number: int, content: bytes) -> None:
        """Store a part of the file, in the place of the one of this number; a reader sees the old or the new one."""

    async def sizes(self, ref: ImportRef) -> Mapping[int, int]:
        """Return the bytes of each part that is there, by its number."""

    async def part(self, ref: ImportRef, number: int) -> bytes:
        """Return a part. Raises: NotFound; Conflict while it is being replaced."""

    async def erase_parts(self, ref: ImportRef) -> None:
        """Delete all parts of the file."""

    async def delete(self, ref: ImportRef) -> None:
        """Delete an import with all parts of its file."""

    async def erase_location(self, tenant: TenantId, location: LocationId) -> None:
        """Delete every row of the location."""

    async def erase(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""


class LimitStore(Protocol):
    """How much of each rate limit is used, by keys that name nobody in clear."""

    async def used(self, key: str) -> Versioned[datetime | None]:
        """Return until when a key's allowance is used; None with ETag None if it never was."""

    async def swap(self, key: str, used_until: datetime, etag: str | None) -> None:
        """Store until when it is used. Raises: Conflict if it changed since it was read."""

    async def sweep(self, now: datetime) -> None:
        """Delete what is not used at `now` any more."""


class Vitals(Protocol):
    """Tries what the app depends on. Every method may raise what the dependency makes its users raise."""

    async def accounts(self) -> Sequence[str]:
        """Return the names of the further storage accounts: those of the settings, and those that tenants are in."""

    async def tables(self, account: str = "") -> datetime | None:
        """Write and delete a row in an account, the first one unless named.

        Returns what time it is there, if it says so.
        """

    async def queues(self) -> Mapping[str, int]:
        """Return about how many messages each queue has, the poison ones included."""

    async def vault(self) -> None:
        """Hold if secrets can be read."""

    async def login(self) -> datetime | None:
        """Return what time it is at the login service, if it says so."""


class SignIn(Protocol):
    """Finds out who sends a request."""

    async def person(self, headers: Mapping[str, str]) -> Person:
        """Return the signed-in person. Raises: Unauthenticated, Transient when the keys cannot be had just now."""


class JobQueue(Protocol):
    """The queues. `delay_s` is how long a message stays invisible, in seconds."""

    async def request(self, request: SyncRequest, *, delay_s: float = 0) -> None:
        """Ask for a run."""

    async def fetch(self, jobs: Sequence[FetchJob], *, delay_s: float = 0) -> None:
        """Enqueue fetch jobs."""

    async def reconcile(self, jobs: Sequence[ReconcileJob], *, delay_s: float = 0) -> None:
        """Enqueue reconcile jobs."""

    async def retire(self, job: RetireJob, *, delay_s: float = 0) -> None:
        """Enqueue a retire job."""

    async def import_file(self, job: ImportJob, *, delay_s: float = 0) -> None:
        """Enqueue an import job."""
