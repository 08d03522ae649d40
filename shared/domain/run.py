"""A run: one sync of one tenant, from request to report; and the tenant state for which runs compete."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from shared.domain.config_change import ConfigChange
from shared.domain.directory import Source
from shared.domain.ids import MAIN, ConnectionId, LocationId, ObjectId, RunId, SourceId, TenantId, whole_directory
from shared.domain.pause import Pause, PauseScope
from shared.domain.preferences.preferences import Preferences
from shared.domain.problem import Problem
from shared.domain.recipient import Counts
from shared.domain.retry_policy import PAUSED
from shared.domain.unread_source import UnreadSource
from shared.errors import Paused, Rejected

#: Number of requests that a tenant remembers, so that a redelivered one is ignored. A queue redelivers within days.
_REMEMBERED_REQUESTS: Final = 20
#: Number of announced runs that a tenant's state names. Of more, the oldest rely on their message alone.
_MAX_ANNOUNCED: Final = 100


class RunMode(StrEnum):
    """How much a run reads."""

    #: Only changes since the last run, if the directory has a change feed.
    INCREMENTAL = "incremental"
    #: The whole content of all sources, as in the first run.
    FULL = "full"


class RunKind(StrEnum):
    """The kinds of changes to recipients. All of them are recorded as runs in the history."""

    SYNC = "sync"
    IMPORT = "import"
    EDIT = "edit"
    UNDO = "undo"


class RunState(StrEnum):
    """State of a run. The first four are stages; the others are final."""

    PLANNING = "planning"
    FETCHING = "fetching"
    RECONCILING = "reconciling"
    DEACTIVATING = "deactivating"
    DONE = "done"
    #: Everything is written except deactivations above the guard's limits, which await approval.
    HELD = "held"
    FAILED = "failed"
    SUPERSEDED = "superseded"

    @property
    def ended(self) -> bool:
        """Whether the run has reached a final state."""
        return self in {RunState.DONE, RunState.HELD, RunState.FAILED, RunState.SUPERSEDED}


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Summary of a tenant for lists: its last finished sync, without previews.

    It is part of the tenant state and is written in the same row when a run ends, so it is never outdated.
    """

    run: RunId | None = None
    state: RunState | None = None
    finished_at: datetime | None = None
    #: End of the last run with the state `done`.
    success_at: datetime | None = None
    #: The last run, while its held deactivations can be approved.
    held: RunId | None = None
    #: Number of active recipients: after the last run that was done or held, adjusted by later manual changes.
    recipients: int = 0

    def after(self, run: "Run") -> "Summary":
        """Return the summary after a run has ended."""
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
        """Return the summary with the number of recipients changed by `people`, which can be negative."""
        return msgspec.structs.replace(self, recipients=max(0, self.recipients + people))

    def expired(self) -> "Summary":
        """Return the summary after the held deactivations can no longer be approved."""
        return msgspec.structs.replace(self, held=None)


class UpToDateState(msgspec.Struct, frozen=True, kw_only=True):
    """Records that all locations are up to date after a run: their recipients match its inputs.

    Valid while the tenant's fencing token is unchanged. A change of recipients outside a run removes the record first.
    """

    run: RunId
    fencing_token: int
    #: A hash of the inputs of all locations.
    input_fingerprint: str


class TenantState(msgspec.Struct, frozen=True, kw_only=True):
    """The state for which a tenant's runs compete, by compare-and-swap on one row.

    `fencing_token` grows with every run and every change of configuration. A writer with an older token is rejected.
    """

    fencing_token: int = 0
    #: Grows with every change of configuration (connection, mapping, preferences, locations).
    config_version: int = 0
    active_run: RunId | None = None
    active_since: datetime | None = None
    #: Ids of the last accepted requests, newest first, so that a repeated delivery of a request starts nothing.
    requests: tuple[str, ...] = ()
    #: The mode of the waiting run, which starts when the active one ends; further requests coalesce into it.
    pending: RunMode | None = None
    #: Id of the first of those requests, which identifies the waiting run.
    pending_request: str | None = None
    #: Announced runs of the API that are not planned yet, newest first. If the message of one is lost, the watchdog
    #: starts or ends it.
    announced: tuple[RunId, ...] = ()
    #: End of the last run that read and compared everything; None before the first such run.
    full_at: datetime | None = None
    #: End of the last full run if it had to follow changes, because the directory could not be listed.
    full_failed_at: datetime | None = None
    summary: Summary = Summary()
    up_to_date: UpToDateState | None = None
    #: The mapped groups that the last runs could not read although the directory answered.
    unread: dict[SourceId, UnreadSource] = {}
    #: A change of configuration that is not complete.
    change: ConfigChange | None = None
    #: Deleted locations of which rows can be left.
    erasing: tuple[LocationId, ...] = ()
    #: Pauses of an operator; while there is one, nothing is written to recipients.
    pauses: tuple[Pause, ...] = ()
    #: End of the last pause. Deadlines count from here if it is later than their beginning.
    resumed_at: datetime | None = None

    @property
    def runs(self) -> frozenset[RunId]:
        """The runs that the state names."""
        runs = {self.active_run, self.summary.run, self.summary.held, *self.announced}
        runs |= {RunId(self.pending_request)} if self.pending_request is not None else set()
        runs |= {self.up_to_date.run} if self.up_to_date is not None else set()
        runs |= {obsolete.run for obsolete in self.change.runs} if self.change is not None else set()
        return frozenset(run for run in runs if run is not None)

    def with_waiting(self, request: str, mode: RunMode) -> "TenantState":
        """Return the state in which a request waits, or has joined the waiting run. That run is full if one of them is.

        The request waits itself if it is the `pending_request` of the result.
        """
        waiting = msgspec.structs.replace(
            self, pending=self.waiting_mode(mode), pending_request=self.pending_request or request
        )
        return waiting.without_announced({waiting.pending_request})

    def waiting_mode(self, mode: RunMode) -> RunMode:
        """Return the mode of the waiting run if a request of this mode is or has joined it."""
        return RunMode.FULL if RunMode.FULL in {self.pending, mode} else RunMode.INCREMENTAL

    def without_waiting(self) -> "TenantState":
        """Return the state without the waiting run."""
        return msgspec.structs.replace(self, pending=None, pending_request=None)

    def with_announced(self, run: RunId) -> "TenantState":
        """Return the state that names an announced run, unless its request was accepted before."""
        if run in (*self.announced, *self.requests, self.pending_request):
            return self
        return msgspec.structs.replace(self, announced=(run, *self.announced)[:_MAX_ANNOUNCED])

    def without_announced(self, runs: Collection[str | None]) -> "TenantState":
        """Return the state that does not name these announced runs."""
        return msgspec.structs.replace(self, announced=tuple(run for run in self.announced if run not in runs))

    def taken_by(self, run: RunId, request: str, now: datetime) -> "TenantState":
        """Return the state in which a run is active and its request is remembered."""
        requests = (request, *self.requests)[:_REMEMBERED_REQUESTS]
        taken = msgspec.structs.replace(self, active_run=run, active_since=now, requests=requests)
        return taken.without_announced({request})

    def with_pause(self, pause: Pause) -> "TenantState":
        """Return the paused state. A tenant has one pause of its own, the first, and the last one of all tenants."""
        others = tuple(own for own in self.pauses if own.scope is not pause.scope)
        if pause in self.pauses or (pause.scope is PauseScope.TENANT and others != self.pauses):
            return self
        return msgspec.structs.replace(self, pauses=(*others, pause))

    def without_pause(self, id_: str, now: datetime) -> "TenantState":
        """Return the state without a pause."""
        left = tuple(pause for pause in self.pauses if pause.id != id_)
        if left == self.pauses:
            return self
        return msgspec.structs.replace(self, pauses=left, resumed_at=self.resumed_at if left else now)

    def require_writing(self) -> None:
        """Raise Paused if an operator has paused writing."""
        if self.pauses:
            raise Paused(retry_after_s=PAUSED.first_wait_s)

    def begins(self, at: datetime) -> datetime:
        """Return when a deadline begins to run that was to begin at a time: not before the end of a pause."""
        return at if self.resumed_at is None else max(at, self.resumed_at)

    def after_full_read(self, at: datetime, *, failed: bool) -> "TenantState":
        """Return the state after a run that compared everything. If `failed`, it had to follow changes."""
        if failed:
            return msgspec.structs.replace(self, full_failed_at=at)
        return msgspec.structs.replace(self, full_at=at, full_failed_at=None)

    @property
    def is_busy(self) -> bool:
        """Whether the watchdog has to look at the tenant: a run, a change or the deletion of a location is not over."""
        return bool(self.active_run or self.pending or self.announced or self.change or self.erasing)

    def still_up_to_date(self) -> UpToDateState | None:
        """Return the record if it is still valid: no run has begun and no configuration has changed since."""
        return (
            self.up_to_date
            if self.up_to_date is not None and self.up_to_date.fencing_token == self.fencing_token
            else None
        )


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All decisions made at the start of a run, its commit point. A run never reads settings later."""

    tenant: TenantId
    run: RunId
    fencing_token: int
    config_version: int
    mode: RunMode
    preferences: Preferences
    sources: dict[SourceId, Source]
    #: The sorted ids of a location's sources, by location.
    locations: dict[LocationId, tuple[SourceId, ...]]
    #: The connection whose directory is read.
    connection_id: ConnectionId = MAIN
    #: `Connection.fingerprint` of that connection; the run's rows do not contain its Azure tenant id or client id.
    connection: str
    created_at: datetime
    #: Whether the run writes only a report of what it would change.
    preview: bool = False
    #: The tenant's up-to-date record, if it was valid when the run started.
    up_to_date: UpToDateState | None = None
    #: `Run.accepted`.
    accepted: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)

    @property
    def everyone(self) -> SourceId:
        """The source id of the whole directory, whether or not the run reads it."""
        return whole_directory(self.connection_id)

    def require_part(self, part: SourceId | LocationId) -> None:
        """Raise Rejected (`not_planned`) for a source or location that is not part of the run.

        No message of the app names one: it was put on the queue directly.
        """
        if part not in self.sources and part not in self.locations:
            raise Rejected(f"{part!r} is not part of run {self.run}.", code="not_planned")


class LocationReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The report of a run for one location. `active` is the number of active recipients after the run."""

    counts: Counts = msgspec.field(default_factory=Counts)
    active: int = 0
    #: Number of deactivations that await approval.
    held: int = 0
    #: Whether the location was compared; False if none of its inputs had changed.
    compared: bool = True
    #: Number of active recipients with an invalid e-mail address, which is kept as the directory sent it.
    invalid_addresses: int = 0


class HeldDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A person's decision about the held deactivations of a run."""

    approved: bool
    by: str
    at: datetime


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One sync of one tenant, or one manual change, as shown in the history."""

    id: RunId
    tenant: TenantId
    mode: RunMode
    state: RunState
    requested_at: datetime
    #: The requester: `schedule`, `queue`, `api`, `pending`, `configuration`, or a person.
    requested_by: str
    finished_at: datetime | None = None
    counts: Counts = msgspec.field(default_factory=Counts)
    locations: dict[LocationId, LocationReport] = msgspec.field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    directory_requests: int = 0
    storage_requests: int = 0
    #: Hash of the exact set of recipients that a held run would deactivate.
    held_digest: str | None = None
    #: The decision about the held deactivations; None until a person has decided.
    decision: HeldDecision | None = None
    #: Whether the run only reports what it would change, and its preferences; None for the stored ones.
    preview: bool = False
    preferences: Preferences | None = None
    #: The group that the preview takes for unmapped, if any.
    unmapped: ObjectId | None = None
    #: Properties that an admin accepts as cleared, by the subject of the source; this run does not report them.
    accepted: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    #: The claim of the delivery that may write the deactivations and end the run; a later one takes it over.
    claim: str | None = None
    kind: RunKind = RunKind.SYNC
    #: The run that this one undoes.
    undoes: RunId | None = None
    #: When the watchdog last saw progress or re-enqueued jobs, and the number of results at that time.
    watched_at: datetime | None = None
    watched_results: int = 0
    #: Progress of the jobs without a result at the last check of the watchdog: pages staged plus batches written.
    watched_steps: int = 0

    @property
    def must_be_alone(self) -> bool:
        """Whether the run is for the present state only: it does not wait for the end of another run."""
        return self.preview or bool(self.accepted)


class RunProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of a run: the numbers of its finished jobs, and what all jobs have read and written so far."""

    fetched: int
    sources: int
    reconciled: int
    locations: int
    #: Number of users read, including sources that are still being read.
    people: int = 0
    #: Number of recipients written, including locations that are still being compared.
    written: int = 0
