"""A run: one sync of one tenant, from request to report; and the tenant's state that runs compete for."""

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.domain.directory import Source
from shared.domain.ids import MAIN, ConnectionId, LocationId, RunId, SourceId, TenantId, whole_directory
from shared.domain.preferences.preferences import Preferences
from shared.domain.problem import Problem
from shared.domain.recipient import Counts


class RunMode(StrEnum):
    """How much a run reads."""

    #: Only what changed since the last run, where the directory can tell.
    INCREMENTAL = "incremental"
    #: Everything, as on the first day.
    FULL = "full"


class RunKind(StrEnum):
    """What changed recipients; everything that does is in the history."""

    SYNC = "sync"
    IMPORT = "import"
    EDIT = "edit"
    UNDO = "undo"


class RunState(StrEnum):
    """Where a run is. The first four go on; the others are ends."""

    PLANNING = "planning"
    FETCHING = "fetching"
    RECONCILING = "reconciling"
    DEACTIVATING = "deactivating"
    DONE = "done"
    #: Everything is written except deactivations that exceed the guard; these wait for a person.
    HELD = "held"
    FAILED = "failed"
    SUPERSEDED = "superseded"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the run by itself."""
        return self in {RunState.DONE, RunState.HELD, RunState.FAILED, RunState.SUPERSEDED}


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What lists of tenants show of one: its last sync that came to its end, previews apart.

    It is part of the tenant's state, and written with it, when a run frees the tenant: it cannot lag behind.
    """

    run: RunId | None = None
    state: RunState | None = None
    finished_at: datetime | None = None
    #: The end of the last run that was done.
    success_at: datetime | None = None
    #: The last run, while what it holds can be approved.
    held: RunId | None = None
    #: Active recipients after the last run that was done or held, moved on by what people changed since.
    recipients: int = 0

    def after(self, run: "Run") -> "Summary":
        """Return the summary once a run has ended."""
        if run.preview or not run.state.ended:
            return self
        read = run.state in {RunState.DONE, RunState.HELD}
        return Summary(
            run=run.id,
            state=run.state,
            finished_at=run.finished_at,
            success_at=run.finished_at if run.state is RunState.DONE else self.success_at,
            held=run.id if run.state is RunState.HELD else None,
            recipients=sum(report.active for report in run.locations.values()) if read else self.recipients,
        )

    def moved(self, people: int) -> "Summary":
        """Return the summary with so many recipients more, or fewer."""
        return msgspec.structs.replace(self, recipients=max(0, self.recipients + people))

    def expired(self) -> "Summary":
        """Return the summary once nothing that is held can be approved any more."""
        return msgspec.structs.replace(self, held=None)


class UpToDateState(msgspec.Struct, frozen=True, kw_only=True):
    """That after a run every location's recipients are what follows from its inputs, and nobody changed them since.

    It holds while the tenant's fencing_token is this one; whoever writes recipients without a run takes it away before.
    """

    run: RunId
    fencing_token: int
    #: A hash of the inputs of all locations.
    input_fingerprint: str


class TenantState(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant's runs compete for, by compare-and-swap on one row.

    `fencing_token` grows with every run and every change of configuration; whoever holds an older one may not write.
    """

    fencing_token: int = 0
    #: Grows with every change of configuration (connection, mapping, preferences, locations).
    config_version: int = 0
    active_run: RunId | None = None
    active_since: datetime | None = None
    #: Ids of the last requests that were taken, newest first, so that a request delivered again starts nothing new.
    requests: tuple[str, ...] = ()
    #: The mode of the run that starts when the active one ends; requests in the meantime coalesce into it.
    pending: RunMode | None = None
    #: The first of those requests; the run that starts is its run.
    pending_request: str | None = None
    #: When the last run ended that had read and compared everything; None before the first.
    full_at: datetime | None = None
    summary: Summary = Summary()
    up_to_date: UpToDateState | None = None

    def still_up_to_date(self) -> UpToDateState | None:
        """Return what is settled if it still is: no run has begun since, and no configuration changed."""
        return (
            self.up_to_date
            if self.up_to_date is not None and self.up_to_date.fencing_token == self.fencing_token
            else None
        )


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a run decided at its start; its commit point. Nothing a run does depends on settings read later."""

    tenant: TenantId
    run: RunId
    fencing_token: int
    config_version: int
    mode: RunMode
    preferences: Preferences
    sources: dict[SourceId, Source]
    #: For each location the sources that feed it, sorted.
    locations: dict[LocationId, tuple[SourceId, ...]]
    #: The connection whose directory is read.
    connection_id: ConnectionId = MAIN
    #: `Connection.fingerprint` of the connection that the run reads with; the ids themselves stay out of its rows.
    connection: str
    created_at: datetime
    #: Whether nothing is written but the report of what a run would do.
    preview: bool = False
    #: What the tenant's state said, if it held when the run took the tenant.
    up_to_date: UpToDateState | None = None

    @property
    def everyone(self) -> SourceId:
        """The source that is the whole directory, whether or not the run reads it."""
        return whole_directory(self.connection_id)


class LocationReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did at one location. `active` is the number of active recipients after it."""

    counts: Counts = msgspec.field(default_factory=Counts)
    active: int = 0
    #: People whose deactivation waits for approval.
    held: int = 0
    #: Whether the location was compared at all; False when nothing it depends on had changed.
    compared: bool = True


class HeldDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody decided about a held run's deactivations."""

    approved: bool
    by: str
    at: datetime


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One sync of one tenant, or one change by a person, as the history shows it."""

    id: RunId
    tenant: TenantId
    mode: RunMode
    state: RunState
    requested_at: datetime
    #: Who asked: `schedule`, `queue`, `api`, `pending`, `configuration`, or a person.
    requested_by: str
    finished_at: datetime | None = None
    counts: Counts = msgspec.field(default_factory=Counts)
    locations: dict[LocationId, LocationReport] = msgspec.field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    directory_requests: int = 0
    storage_requests: int = 0
    #: Hash of the exact set of people that a held run would deactivate.
    held_digest: str | None = None
    #: What was decided about them; None while nobody has.
    decision: HeldDecision | None = None
    #: Whether it only says what a run would do, and with which preferences; None for those that are stored.
    preview: bool = False
    preferences: Preferences | None = None
    kind: RunKind = RunKind.SYNC
    #: The run that this one undoes.
    undoes: RunId | None = None
    #: When the watchdog last saw progress or enqueued jobs again, and how many results there were.
    watched_at: datetime | None = None
    watched_results: int = 0
    #: How far the jobs without a result were, when the watchdog last asked: pages staged and batches written.
    watched_steps: int = 0


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


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """When a tenant was deleted, and whether what came afterwards is being erased."""

    at: datetime
    sweeping: bool = False
