"""Dead-letter replay: sends failed messages to their queues again, or discards them."""

from datetime import timedelta
from typing import Final

import msgspec

from shared.domain.access.callers import kind_of
from shared.domain.ids import run_id
from shared.domain.operations.operator_log import EntryPosition, OperatorLogEntry, Replay
from shared.domain.sync.jobs import ImportJob, Job, SyncRequest
from shared.domain.sync.queue_messages import parse
from shared.domain.versioned import Versioned
from shared.errors import Conflict, NotFound, Rejected, Superseded, SyncError
from shared.ports.operations import OperatorLog
from shared.ports.platform import Clock
from shared.ports.queues import JobQueue
from shared.telemetry import event
from shared.workflows.pagination import page
from shared.workflows.sync.stages import StageCoordinator

#: Time after which a worker that claimed an entry has sent its message or crashed.
_SENT_WITHIN: Final = timedelta(minutes=1)
#: Maximum number of entries on a page.
_LISTED_ENTRIES: Final = 500
#: Maximum length of a request id, in characters.
_MAX_REQUEST_ID: Final = 200


class DeadLetterReplay(msgspec.Struct, frozen=True, kw_only=True):
    """Lists, replays and discards entries of the operator log."""

    operator_log: OperatorLog
    queue: JobQueue
    stages: StageCoordinator
    clock: Clock

    async def list_entries(
        self, after: EntryPosition | None = None, limit: int = _LISTED_ENTRIES
    ) -> tuple[list[OperatorLogEntry], EntryPosition | None]:
        """Return a page of the operator log, newest first, and its last position; None at the end."""
        return await page(self.operator_log.list_entries(after), limit, lambda entry: entry.position)

    async def replay(self, id_: str, queue: str, by: str) -> OperatorLogEntry:
        """Send the message to its queue again, and return the entry. Repeating the call does not send it again.

        The entry is claimed before the message is sent. If the worker crashes in between, a call after
        `_SENT_WITHIN` sends the message. Both messages have the same request id or job, which is processed once.

        Raises:
            NotFound: The entry does not exist (`entry_not_found`).
            Rejected: The message cannot be retried (`not_replayable`), or several entries have this id
                (`ambiguous_entry`).
            Conflict: The run has ended (`run_ended`), or the message is being sent (`request_in_progress`).
        """
        entry, etag = await self._entry(id_, queue)
        now = self.clock.now()
        if entry.replay is Replay.SENT:
            return entry
        if entry.replay is Replay.SENDING and entry.replayed_at and now - entry.replayed_at < _SENT_WITHIN:
            raise Conflict(
                "This message is being retried. Load the list again in a moment.", code="request_in_progress"
            )
        message = await self._message(entry)
        claimed = msgspec.structs.replace(entry, replay=Replay.SENDING, replayed_at=now, replayed_by=by)
        etag = await self.operator_log.replace(claimed, etag)
        try:
            await self.queue.send([message])
        except SyncError:
            await self.operator_log.replace(entry, etag)
            raise
        sent = msgspec.structs.replace(claimed, replay=Replay.SENT)
        await self.operator_log.replace(sent, etag)
        event("replayed", queue=entry.queue, message=entry.id, tenant=entry.tenant, run=entry.run)
        return sent

    async def discard(self, id_: str, queue: str, by: str) -> None:
        """Delete an entry of the operator log.

        Raises:
            NotFound: The entry does not exist (`entry_not_found`).
            Rejected: Several entries have this id (`ambiguous_entry`).
            Conflict: The entry was replayed or discarded at the same time.
        """
        entry, etag = await self._entry(id_, queue)
        await self.operator_log.delete(entry, etag)
        event("discarded", queue=entry.queue, message=entry.id, tenant=entry.tenant, run=entry.run, by=kind_of(by))

    async def _entry(self, id_: str, queue: str) -> Versioned[OperatorLogEntry]:
        stored = await self.operator_log.list_by_id(id_)
        matches = [entry for entry in stored if queue in {"", entry.value.queue}]
        if not matches:
            raise NotFound("This entry does not exist. It may have been discarded.", code="entry_not_found")
        if len(matches) > 1:
            queues = ", ".join(sorted(entry.value.queue for entry in matches))
            raise Rejected(
                f"Several entries have this id: also state the queue, one of {queues}.", code="ambiguous_entry"
            )
        return matches[0]

    async def _message(self, entry: OperatorLogEntry) -> Job:
        """Return the message to send. Raises Rejected (`not_replayable`) or Conflict (`run_ended`)."""
        try:
            message = _parsed(entry)
        except Rejected as error:
            raise Rejected(f"This entry cannot be retried: {error} Discard it.", code="not_replayable") from error
        if not isinstance(message, SyncRequest):
            try:
                await self.stages.current_plan(message.tenant, message.run)
            except Superseded as error:
                raise Conflict(
                    f"Run {message.run} has ended: start a new sync and discard this entry.", code="run_ended"
                ) from error
        return message


def _parsed(entry: OperatorLogEntry) -> Job:
    """Return the decoded message of an entry. Raises Rejected if it cannot be retried."""
    message = parse(entry.queue, entry.body, entry.id)
    if isinstance(message, ImportJob):
        raise Rejected("The import has ended: upload the file again.", code="not_replayable")
    return _renamed(message, entry.id) if isinstance(message, SyncRequest) else message


def _renamed(request: SyncRequest, id_: str) -> SyncRequest:
    """Return the request with a new request id, because the tenant may already have accepted the original one.

    A request whose id is a run id keeps it: it starts that run.
    """
    try:
        run_id(request.request)
    except Rejected:
        return msgspec.structs.replace(request, request=f"replay-{id_}"[:_MAX_REQUEST_ID])
    return request
