"""Queues of jobs."""

from collections.abc import Sequence
from typing import Protocol

from shared.domain.sync.jobs import (
    DeactivateJob,
    FetchJob,
    ImportJob,
    ReconcileJob,
    SyncRequest,
)


class JobQueue(Protocol):
    """The job queues. `delay_s` is the time for which a message stays invisible, in seconds."""

    async def request(self, request: SyncRequest, *, delay_s: float = 0) -> None:
        """Enqueue a request for a run."""

    async def fetch(self, jobs: Sequence[FetchJob], *, delay_s: float = 0) -> None:
        """Enqueue fetch jobs."""

    async def reconcile(self, jobs: Sequence[ReconcileJob], *, delay_s: float = 0) -> None:
        """Enqueue reconcile jobs."""

    async def deactivate(self, job: DeactivateJob, *, delay_s: float = 0) -> None:
        """Enqueue a deactivate job."""

    async def import_file(self, job: ImportJob, *, delay_s: float = 0) -> None:
        """Enqueue an import job."""
