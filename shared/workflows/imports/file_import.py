"""File import: checks the rows of one file, decides them, and writes them to one location.

A request and a job import in the same way. Only where the file comes from, and how the import ends, differs.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import IO, Final, TypeVar

import msgspec

from shared.domain.counted import counted
from shared.domain.ids import RunId
from shared.domain.imports.csv_file import CsvFile
from shared.domain.imports.import_record import Import, ImportState, Outcome
from shared.domain.imports.look_alikes import LookAlikes
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.recipient import Counts
from shared.domain.reconcile.guard import breaches
from shared.domain.reconcile.write import Write
from shared.domain.run import LocationReport
from shared.errors import NotFound, Rejected, TooLarge
from shared.ports.recipients import RecipientStore
from shared.ports.tenants import SettingsStore
from shared.workflows.imports.row_matcher import RowMatcher, in_thread
from shared.workflows.recipients.fenced_writer import OutOfTime
from shared.workflows.recipients.manual_changes import ManualChanges
from shared.workflows.recipients.recent_losses import RecentLosses

#: Separates the approval digest of deactivations from that of look-alikes.
_AND: Final = "."
#: Number of recipients, and of writes, that are handed to or taken from the database together.
_CHUNK: Final = 1_000
T = TypeVar("T")


class RowsRefused(Rejected):
    """Rows of the file are invalid, so nothing was written. `problems` has the first of them, by line."""

    def __init__(self, matcher: RowMatcher) -> None:
        self.refused_rows, self.problems = matcher.problems()
        self.used_columns, self.unused_columns = matcher.notes.used_columns, matcher.notes.unused_columns
        first = self.problems[0]
        super().__init__(
            f"{counted(self.refused_rows, 'row is', 'rows are')} wrong; nothing was imported. "
            f"The first is line {first.line}: {first.detail}",
            code="rows_refused",
        )


class FileImport(msgspec.Struct, frozen=True, kw_only=True):
    """Imports the rows of a file."""

    settings: SettingsStore
    recipients: RecipientStore
    recent_losses: RecentLosses
    manual: ManualChanges

    async def check(self, wanted: Import, matcher: RowMatcher, file: IO[bytes], limit: int, advice: str) -> None:
        """Add the rows of the import's file to the matcher.

        Raises:
            Rejected: The file is not CSV (`invalid_csv`), or the charset is unknown (`invalid_header`).
            TooLarge: The file has more than `limit` rows (`too_many_rows`); `advice` says what to do.
            RowsRefused: Rows are invalid, or two rows are about the same person.
        """
        if not await in_thread(matcher.add_rows, CsvFile(file, wanted.reading), limit):
            raise TooLarge(f"The file has more than {limit:,} rows. {advice}", code="too_many_rows")
        if (await in_thread(matcher.problems))[0]:
            raise RowsRefused(matcher)

    async def remember(self, wanted: Import) -> None:
        """Store the columns that the sender has given for the import's file, for later files of the location."""
        if wanted.reading.remember:
            with suppress(NotFound):  # the location was deleted
                await self.settings.put_columns(wanted.tenant, wanted.location, wanted.reading.columns or {})

    async def preview(self, wanted: Import, matcher: RowMatcher) -> tuple[Outcome, LocationReport]:
        """Return what an import of the checked rows would write now, and how it would end."""
        decision, counts = await self._decide(wanted, None, matcher, Counts()), Counts()
        async for writes in decision.writes:
            counts += Counts.of([write.change for write in writes])
        return decision.result(matcher, Counts(), counts)

    async def apply(
        self,
        wanted: Import,
        run: RunId,
        matcher: RowMatcher,
        begin_writing: Callable[[], OutOfTime] = lambda: lambda: False,
    ) -> tuple[Outcome, LocationReport, bool]:
        """Write the checked rows. Return the outcome, what the run has written so far, and whether that is everything.

        `begin_writing` is called before the first batch. Raises Superseded if a sync, a change of settings or another
        change uses the location.
        """
        tenant, location, _ = wanted.ref
        fenced = await self.manual.acquire(tenant, location, run)
        if wanted.since is not None:
            newer = self.recipients.list_manual_changes(tenant, location, wanted.since, {run, *wanted.older})
            async for changes in _chunks(newer):
                await in_thread(matcher.keep, changes)
        before = await self.recipients.get_journal_counts(tenant, location, run)
        if before.deactivated:
            async for recipient in self.recipients.list_deactivated(tenant, location, run):
                matcher.add_deactivated(recipient)
        decision = await self._decide(wanted, run, matcher, before)
        complete = await fenced.write_as_decided(
            decision.writes_now(), run=run, actor=wanted.by, at=self.manual.clock.now(), out_of_time=begin_writing()
        )
        after = await self.recipients.get_journal_counts(tenant, location, run)
        return *decision.result(matcher, before, after), complete

    async def _decide(self, wanted: Import, run: RunId | None, matcher: RowMatcher, before: Counts) -> "_Decision":
        """Match the rows with the stored recipients, and apply the guard to the deactivations of an overwrite."""
        preferences = await self.settings.get_preferences(wanted.tenant)
        await in_thread(matcher.clear)
        async for chunk in _chunks(self.recipients.list_recipients(wanted.tenant, wanted.location)):
            await in_thread(matcher.add_recipients, chunk)
        await in_thread(matcher.match)
        approved_digests = wanted.approved.split(_AND)
        # A run that has already written something has been confirmed, and what it created no longer counts.
        alike = await in_thread(matcher.look_alikes) if before == Counts() else LookAlikes()
        if alike.digest in approved_digests:
            alike = LookAlikes()
        if wanted.mode is not ImportMode.OVERWRITE:
            writes = matcher.writes(preferences, departures=False)
            return _Decision(writes=_in_chunks(writes), held_digest=alike.digest or None, look_alikes=alike)
        loss = await in_thread(matcher.loss, wanted.location, before.created + before.reactivated)
        recent = (await self.recent_losses.count(wanted.tenant, [wanted.location], run))[wanted.location]
        loss = msgspec.structs.replace(loss, day=recent.day, week=recent.week)
        exceeded = bool(loss.candidates and breaches([loss], preferences.guard))
        digest = await in_thread(matcher.digest, wanted.location) if exceeded or wanted.approved else None
        approved = digest in approved_digests
        held = loss.candidates if exceeded and not approved else 0
        writes = matcher.writes(preferences, departures=not held)
        digests = (digest if held else None, alike.digest)
        return _Decision(
            writes=_in_chunks(writes),
            held=held,
            held_digest=_AND.join(filter(None, digests)) or None,
            approved=approved,
            look_alikes=alike,
        )


class _Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The decisions about all rows. The writes can be read once; the matcher's problems are complete afterwards."""

    writes: AsyncIterator[list[Write]]
    held: int = 0
    held_digest: str | None = None
    #: Whether a person has approved exactly these deactivations.
    approved: bool = False
    #: Unconfirmed look-alikes.
    look_alikes: LookAlikes = LookAlikes()

    async def writes_now(self) -> AsyncIterator[list[Write]]:
        """Iterate over the writes, or over none while look-alikes are not confirmed."""
        if not self.look_alikes.number:
            async for writes in self.writes:
                yield writes

    def result(self, matcher: RowMatcher, before: Counts, after: Counts) -> tuple[Outcome, LocationReport]:
        """Return the outcome and the location's report once all writes were read."""
        refused_rows, problems = matcher.problems()
        applied = after.created + after.updated + after.reactivated
        outcome = Outcome(
            state=ImportState.HELD if self.held or self.look_alikes.number else ImportState.DONE,
            rows=matcher.rows,
            unchanged=max(0, matcher.rows - refused_rows - applied) if applied or not self.look_alikes.number else 0,
            refused_rows=refused_rows,
            problems=problems,
            held=self.held,
            held_digest=self.held_digest,
            look_alikes=self.look_alikes.number,
            look_alike_rows=self.look_alikes.named,
            notes=matcher.notes,
            approved=self.approved,
        )
        return outcome, LocationReport(counts=after, active=matcher.active + after.net - before.net, held=self.held)


async def _in_chunks(writes: Iterator[Write]) -> AsyncIterator[list[Write]]:
    while chunk := await in_thread(lambda: list(islice(writes, _CHUNK))):
        yield chunk


async def _chunks(items: AsyncIterator[T]) -> AsyncIterator[list[T]]:
    chunk: list[T] = []
    async for item in items:
        chunk.append(item)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    yield chunk
