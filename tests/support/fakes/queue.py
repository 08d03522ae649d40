"""The queues in memory: a list of messages that a test works off in any order, twice if it likes."""

from collections.abc import Sequence

from shared.domain.sync.jobs import DeactivateJob, FetchJob, ImportJob, ReconcileJob, SyncRequest
from shared.domain.sync.queue_messages import (
    encode_job,
    encode_request,
    parse_deactivate,
    parse_fetch,
    parse_import,
    parse_reconcile,
    parse_request,
)

Message = SyncRequest | FetchJob | ReconcileJob | DeactivateJob | ImportJob


class FakeJobQueue:
    """`JobQueue` as a list; every message passes through its text, as in the real one."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        #: How long the last message was to stay invisible, in seconds.
        self.last_delay_s = 0.0

    async def request(self, request: SyncRequest, *, delay_s: float = 0) -> None:
        """Ask for a run."""
        self._put(parse_request(encode_request(request), "message"), delay_s)

    async def fetch(self, jobs: Sequence[FetchJob], *, delay_s: float = 0) -> None:
        """Enqueue fetch jobs."""
        for job in jobs:
            self._put(parse_fetch(encode_job(job)), delay_s)

    async def reconcile(self, jobs: Sequence[ReconcileJob], *, delay_s: float = 0) -> None:
        """Enqueue reconcile jobs."""
        for job in jobs:
            self._put(parse_reconcile(encode_job(job)), delay_s)

    async def deactivate(self, job: DeactivateJob, *, delay_s: float = 0) -> None:
        """Enqueue a deactivate job."""
        self._put(parse_deactivate(encode_job(job)), delay_s)

    async def import_file(self, job: ImportJob, *, delay_s: float = 0) -> None:
        """Enqueue an import job."""
        self._put(parse_import(encode_job(job)), delay_s)

    def _put(self, message: Message, delay_s: float) -> None:
        self.messages.append(message)
        self.last_delay_s = delay_s
