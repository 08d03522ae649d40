"""Queues of jobs."""

from collections.abc import Sequence
from typing import Protocol

from shared.domain.sync.jobs import (
    FetchJob,
    ImportJob,
    ReconcileJob,
    RetireJob,
    SyncRequest,
)


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
