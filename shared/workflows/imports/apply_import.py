"""Work off import: the rows of an uploaded file become recipients of one location, however many there are.

Everything is read anew in every message, checked before anything is written, decided under the location's fence, and
written in the order of the rows' keys until time is up: rows that are applied already decide to nothing. A sync waits
for nobody: it takes the location, and the import goes on after it.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from itertools import chain
from tempfile import TemporaryFile
from typing import Final, TypeVar

import msgspec

from shared.domain.ids import RunId
from shared.domain.imports.csv_file import rows
from shared.domain.imports.large_import import Import, ImportState, Outcome, failure
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import Preferences
from shared.domain.problem import Problem
from shared.domain.recipient import Counts, Recipient
from shared.domain.reconcile.decide import Write
from shared.domain.reconcile.guard import breaches
from shared.domain.run import LocationReport
from shared.domain.sync.jobs import BUDGET_SHARE, ImportJob, writing_time_s
from shared.domain.versioned import Versioned
from shared.errors import Conflict, ETagConflict, NotFound, Rejected, Superseded, Transient
from shared.ports.imports import ImportStore
from shared.ports.platform import Clock, IdSource
from shared.ports.queues import JobQueue
from shared.ports.recipients import RecipientStore
from shared.ports.tenants import SettingsStore, SyncStateStore
from shared.telemetry import RequestCounters
from shared.workflows.imports.completion import ImportEndings
from shared.workflows.imports.row_matcher import Join
from shared.workflows.recipients.fenced_writer import FencedWriter, acquire_for_manual_change

#: For how long a worker keeps others from the same import: longer than host.json lets a function run.
CLAIM: Final = timedelta(minutes=11)
#: How long an import waits before it looks again whether a sync has ended, in seconds.
_WAIT_S: Final = 30.0
#: How long an import waits for room on a disk, in seconds.
_NO_DISK_WAIT_S: Final = 120.0
_CHUNK: Final = 1_000
#: Where files are checked, so that other jobs go on meanwhile. One thread for all imports of the process: each thread
#: keeps some 30 MiB of what it has freed, and more of them would not check faster.
_CHECKING: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="imports")
T = TypeVar("T")


class WorkOffImport(msgspec.Struct, frozen=True, kw_only=True):
    """Applies uploaded files."""

    imports: ImportStore
    settings: SettingsStore
    sync_states: SyncStateStore
    recipients: RecipientStore
    queue: JobQueue
    endings: ImportEndings
    clock: Clock
    ids: IdSource
    budget_s: float

    async def __call__(self, job: ImportJob, counters: RequestCounters) -> None:
        """Leave the import ended, or its continuation in the queue.

        Raises: Superseded if it has ended or is gone; Transient while a sync or another worker has the location.
        """
        stored = await self.endings.current(job)
        if stored.value.outcome is not None:
            await self.endings.close(stored)
            return
        claimed = await self._claim(stored)
        try:
            outcome = await self._work(claimed.value, job.run)
        except Conflict as error:  # Superseded, too: a sync, or a person, has taken the location
            await self._let_go(claimed, counters)
            message = "The location is taken; the import waits."
            raise Transient(message, code="run_active", retry_after_s=_WAIT_S) from error
        except Transient:
            await self._let_go(claimed, counters)
            raise
        except (OSError, sqlite3.OperationalError) as error:  # other imports fill this worker's disk
            await self._let_go(claimed, counters)
            message = f"The worker's temporary disk could not be used ({type(error).__name__}); the import waits."
            raise Transient(message, code="no_disk", retry_after_s=_NO_DISK_WAIT_S) from error
        except Rejected as error:  # storage takes a row in no size: trying again cannot help
            await self.endings.fail(job, Problem(concerns="import", code=error.code, detail=str(error)))
            raise
        if outcome is None:  # out of time: what is left is decided anew, in a new message
            await self._let_go(claimed, counters)
            await self.queue.import_file(job)
            return
        await self.endings.end(claimed, outcome, counters.storage_requests)

    async def _claim(self, stored: Versioned[Import]) -> Versioned[Import]:
        """Keep other deliveries of the job away. That is for speed only: the fence is what makes one writer of two."""
        now = self.clock.now()
        until = stored.value.claimed_until
        if until is not None and until > now:
            wait_s = (until - now).total_seconds()
            raise Transient("Another worker has the import.", code="import_claimed", retry_after_s=wait_s)
        busy = (await self.sync_states.get(stored.value.tenant)).value.active_run is not None
        state = ImportState.WAITING if busy else ImportState.WORKING
        claimed = msgspec.structs.replace(
            stored.value, state=state, at=now, claimed_until=None if busy else now + CLAIM
        )
        waiting = Transient("A sync is under way; the import waits.", code="run_active", retry_after_s=_WAIT_S)
        try:
            etag = await self.imports.replace(claimed, stored.etag)
        except ETagConflict:
            raise waiting from None
        if busy:
            raise waiting
        return Versioned(claimed, etag)

    async def _let_go(self, claimed: Versioned[Import], counters: RequestCounters) -> None:
        spent = claimed.value.storage_requests + counters.storage_requests
        free = msgspec.structs.replace(
            claimed.value,
            state=ImportState.WAITING,
            claimed_until=None,
            at=self.clock.now(),
            storage_requests=spent,
        )
        with suppress(ETagConflict):  # it was ended, or erased, while it was worked on
            await self.imports.replace(free, claimed.etag)

    async def _work(self, claimed: Import, run: RunId) -> Outcome | None:
        """Return how the import ends, None if time was up before. Raises: Conflict, Transient."""
        started_s = self.clock.monotonic_s()
        with Join() as join:
            wrong = await self._read(claimed, join)
            return wrong or await self._apply(claimed, run, join, started_s)

    async def _read(self, claimed: Import, join: Join) -> Outcome | None:
        """Take the rows of the file, all of which are checked now; return how the import ends if they are wrong."""
        with TemporaryFile() as file:
            found = sha256()
            for number in range(1, claimed.parts + 1):
                try:
                    content = await self.imports.get_part(claimed.ref, number)
                except NotFound as error:
                    raise Superseded(f"the file of {claimed.id} is gone", code="import_gone") from error
                found.update(content)
                file.write(content)
            if found.hexdigest() != claimed.sha256:
                detail = "What was sent is not the file whose SHA-256 was given; send it anew."
                return failure("sha256_mismatch", detail)
            try:
                await _apart(join.add_rows, rows(file))
            except Rejected as error:
                return failure(error.code, str(error))
        count, problems = join.wrong()
        if not count:
            return None
        detail = f"{count} rows are wrong; nothing was imported. The first is line {problems[0].line}: "
        refused = failure("rows_refused", detail + problems[0].detail)
        return msgspec.structs.replace(refused, rows=join.rows, refused_rows=count, problems=problems)

    async def _apply(self, claimed: Import, run: RunId, join: Join, started_s: float) -> Outcome | None:
        tenant, location, _ = claimed.ref
        fenced, preferences = await self._take(claimed)
        async for chunk in _chunks(self.recipients.list_recipients(tenant, location)):
            join.add_recipients(chunk)
        before = await self.recipients.get_journal_counts(tenant, location, run)
        if before.deactivated:  # by a worker that was killed, or ran out of time
            async for leaver in self.recipients.list_deactivated(tenant, location, run):
                join.add_gone(leaver)
        await _apart(join.match)
        held, known = await _apart(_held, claimed, join, preferences, before)
        departures = join.departures() if claimed.mode is ImportMode.OVERWRITE and not held else ()
        writing_s = self.clock.monotonic_s()
        allowed_s = writing_time_s(BUDGET_SHARE * self.budget_s, writing_s - started_s)
        tally = _Tally(chain(join.writes(preferences), departures))
        complete = await fenced.write(
            tally,
            run=run,
            actor=claimed.by,
            at=self.clock.now(),
            out_of_time=lambda: self.clock.monotonic_s() - writing_s > allowed_s,
        )
        written = await self.recipients.get_journal_counts(tenant, location, run)
        active = join.active + tally.net
        await self.endings.note(claimed, run, LocationReport(counts=written, active=active, held=held))
        if not complete:
            return None
        applied = written.created + written.updated + written.reactivated
        return Outcome(
            state=ImportState.HELD if held else ImportState.DONE,
            rows=join.rows,
            unchanged=max(0, join.rows - join.refused_rows - applied),
            refused_rows=join.refused_rows,
            problems=join.refused(),
            held=held,
            held_digest=known if held else None,
        )

    async def _take(self, claimed: Import) -> tuple[FencedWriter, Preferences]:
        """Take the location, and return the preferences that count. Raises: Superseded if somebody else has it."""
        tenant, location, _ = claimed.ref
        fenced = await acquire_for_manual_change(
            self.sync_states, self.recipients, tenant, location, self.ids.new_attempt_id()
        )
        if location not in {each.id for each in await self.settings.list_locations(tenant)}:
            raise Superseded(f"{location} was removed meanwhile", code="superseded")
        return fenced, await self.settings.get_preferences(tenant)


class _Tally:
    """Writes as they go by, and by how many they change the number of active recipients."""

    def __init__(self, writes: Iterator[Write]) -> None:
        self._writes = writes
        self.net = 0

    def __iter__(self) -> Iterator[Write]:
        for write in self._writes:
            counts = Counts.of((write.change,))
            self.net += counts.created + counts.reactivated - counts.deactivated
            yield write


def _held(claimed: Import, join: Join, preferences: Preferences, before: Counts) -> tuple[int, str]:
    """Return how many deactivations the guard holds, and the digest of all of them."""
    if claimed.mode is not ImportMode.OVERWRITE:
        return 0, ""
    loss = join.loss(claimed.location, before.created + before.reactivated)
    known = join.digest(claimed.location)
    held = loss.candidates and breaches([loss], preferences.guard) and known != claimed.approved
    return loss.candidates if held else 0, known


async def _apart(work: Callable[..., T], *args: object) -> T:
    """Return what some work returns that takes long and waits for nothing, while other jobs go on."""
    return await asyncio.get_running_loop().run_in_executor(_CHECKING, work, *args)


async def _chunks(recipients: AsyncIterator[Recipient]) -> AsyncIterator[list[Recipient]]:
    chunk: list[Recipient] = []
    async for each in recipients:
        chunk.append(each)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    yield chunk
