"""Dead letters: records messages that failed on every delivery. Their runs continue without them.

The last delivery records its own message. The host moves the message to the poison queue if that delivery did not end:
the worker died, or storage could not be reached. The watchdog records these.
"""

from contextlib import suppress

import msgspec

from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.problem import Problem
from shared.domain.recipient import Counts
from shared.domain.run import Plan
from shared.domain.sync.jobs import (
    QUEUES,
    DeactivateJob,
    FetchJob,
    FetchOutcome,
    FetchResult,
    ImportJob,
    Job,
    ReconcileJob,
    ReconcileResult,
    SyncRequest,
)
from shared.domain.sync.queue_messages import parse
from shared.errors import Rejected, Superseded, SyncError
from shared.ports.operations import OperatorLog
from shared.ports.platform import Clock, IdSource
from shared.ports.queues import JobQueue, PoisonMessage
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.telemetry import RequestCounters, event
from shared.workflows.imports.completion import ImportCompletion
from shared.workflows.recipients.fenced_writer import FencedWriter
from shared.workflows.sync.restart_on_change import RestartOnChange
from shared.workflows.sync.stages import StageCoordinator

#: Maximum length of a message's text in the operator log, in characters.
_MAX_BODY = 2_000

#: Decoded content of a message; None if it could not be decoded.
Message = Job | None


class DeadLetters(msgspec.Struct, frozen=True, kw_only=True):
    """Records messages that cannot be processed, and marks their jobs as failed."""

    operator_log: OperatorLog
    queue: JobQueue
    runs: RunStore
    recipients: RecipientStore
    stages: StageCoordinator
    changes: RestartOnChange
    import_completion: ImportCompletion
    clock: Clock
    ids: IdSource

    async def add_entry(self, queue: str, message_id: str, body: str, code: str, detail: str, message: Message) -> None:
        """Add an entry to the operator log. Adding the same message again changes nothing."""
        entry = OperatorLogEntry(
            id=message_id,
            at=self.clock.now(),
            queue=queue,
            code=code,
            detail=detail,
            body=body[:_MAX_BODY],
            tenant=message.tenant if message else None,
            run=message.run if message and not isinstance(message, SyncRequest) else None,
        )
        await self.operator_log.record(entry)
        event("dead_letter", queue=queue, message=message_id, code=code, tenant=entry.tenant, run=entry.run)

    async def collect(self, counters: RequestCounters) -> None:
        """Record the messages of all poison queues. A message that cannot be recorded is received again later."""
        for queue in QUEUES:
            try:
                async for message in self.queue.receive_poison(queue):
                    await self._collect(message, counters)
            except SyncError as error:
                event("dead_letters_unread", queue=queue, code=error.code)

    async def _collect(self, message: PoisonMessage, counters: RequestCounters) -> None:
        try:
            await self.record(message.queue, message.id, message.text, counters)
            await self.queue.delete_poison(message)
        except SyncError as error:
            event("dead_letter_failed", queue=message.queue, message=message.id, code=error.code)

    async def record(
        self, queue: str, message_id: str, body: str, counters: RequestCounters, error: Exception | None = None
    ) -> None:
        """Add the message to the operator log and mark its job as failed, so that its run can end.

        `error` is that of the last delivery; None if the delivery did not end, so that its error is not known.
        """
        message: Message = None
        with suppress(Rejected):
            message = parse(queue, body, message_id)
        cause = f"A message of {queue} failed on every delivery. {_cause(error)}"
        detail = f"{cause} Check the log of its run, fix the cause, then sync again."
        await self.add_entry(queue, message_id, body, "poison", detail, message)
        try:
            await self._fail_job(message, cause, counters)
        except (Superseded, Rejected):
            event("dead_letter_superseded", queue=queue, message=message_id)

    async def _fail_job(self, message: Message, cause: str, counters: RequestCounters) -> None:
        match message:
            case FetchJob():
                plan = await self.stages.current_plan(message.tenant, message.run)
                plan.require_part(message.source)
                problem = _problem(plan.sources[message.source].subject, cause)
                failed = FetchResult(source=message.source, outcome=FetchOutcome.FAILED, problem=problem)
                await self.runs.record_fetch_result(message, failed)
                await self.stages.advance(plan)
            case ReconcileJob():
                plan = await self.stages.current_plan(message.tenant, message.run)
                plan.require_part(message.location)
                await self.runs.record_reconcile_result(message, await self._unreconciled(plan, message, cause))
                await self.stages.advance(plan)
            case DeactivateJob():
                await self.stages.current_plan(message.tenant, message.run)
                await self.changes.fail(message.tenant, message.run, _problem("deactivate", cause), counters)
            case ImportJob():
                await self.import_completion.fail(message, _problem("import", cause))
            case SyncRequest() | None:
                pass  # the message did not start a run, or cannot be decoded

    async def _unreconciled(self, plan: Plan, job: ReconcileJob, cause: str) -> ReconcileResult:
        """Return the result of a job that is given up, with what its deliveries have written."""
        counts = Counts()
        if not plan.preview:
            # Closed: another delivery would write what this result does not count.
            await FencedWriter.acquire(
                self.recipients,
                job.tenant,
                job.location,
                fencing_token=plan.fencing_token,
                attempt=self.ids.new_attempt_id(),
                closes=True,
            )
            counts = await self.recipients.get_journal_counts(job.tenant, job.location, job.run)
        problem = _problem(job.location, cause)
        return ReconcileResult(
            location=job.location, counts=counts, baseline=0, active=0, partial=True, problem=problem
        )


def _problem(concerns: str, cause: str) -> Problem:
    return Problem(concerns=concerns, code="poison", detail=f"{cause} The operator log has the message.")


def _cause(error: Exception | None) -> str:
    """Return a sentence about the last error. It names only the type of an unexpected error."""
    match error:
        case None:
            return "The last delivery did not end: its worker was stopped or could not reach storage."
        case SyncError():
            return f"The last cause: {error} ({error.code})"
        case _:
            return f"The last cause is an unexpected error ({type(error).__name__}), which the app's log describes."
