"""Queues of jobs."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from shared.domain.sync.jobs import Job


class PoisonMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that the host moved to the poison queue of a queue. `receipt` is needed to delete it."""

    queue: str
    id: str
    receipt: str
    text: str


class JobSender(Protocol):
    """Sends jobs to their queues. Every kind of job has one; see `shared/domain/sync/jobs.py`."""

    async def send(self, jobs: Sequence[Job], *, delay_s: float = 0) -> None:
        """Enqueue jobs. Their messages stay invisible for `delay_s` seconds."""


class JobQueue(JobSender, Protocol):
    """The job queues."""

    async def oldest_due(self, queue: str) -> datetime | None:
        """Return when the oldest visible message of a queue was due; None if there are none.

        A message is due when it is sent, or after its delay.
        """

    async def put_back(self, queue: str, text: str, *, delay_s: float) -> None:
        """Enqueue the text of a message that this version of the app cannot read."""

    def receive_poison(self, queue: str) -> AsyncIterator[PoisonMessage]:
        """Iterate over the messages of a queue that the host moved to its poison queue.

        A message that is not deleted becomes visible again after some minutes.
        """

    async def delete_poison(self, message: PoisonMessage) -> None:
        """Delete a message. If it was received again since, or deleted, nothing happens."""
