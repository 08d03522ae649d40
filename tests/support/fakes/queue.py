"""The queues in memory: a list of messages that a test works off in any order, twice if it likes."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from shared.domain.sync.jobs import Job
from shared.domain.sync.queue_messages import encode, parse
from shared.ports.queues import PoisonMessage


class FakeJobQueue:
    """`JobQueue` as a list; every message passes through its text, as in the real one."""

    def __init__(self) -> None:
        self.messages: list[Job] = []
        #: Messages that were put back unread, each with its queue.
        self.unread: list[tuple[str, str]] = []
        #: Texts in the poison queue of a queue.
        self.poison: dict[str, list[str]] = {}
        #: How long the last message was to stay invisible, in seconds.
        self.last_delay_s = 0.0
        #: When the oldest message of a queue was due.
        self.due: dict[str, datetime] = {}

    async def send(self, jobs: Sequence[Job], *, delay_s: float = 0) -> None:
        """Enqueue jobs."""
        for job in jobs:
            self._put(parse(job.queue, encode(job), "message"), delay_s)

    async def oldest_due(self, queue: str) -> datetime | None:
        """Return what a test has set."""
        return self.due.get(queue)

    async def put_back(self, queue: str, text: str, *, delay_s: float) -> None:
        """Enqueue a text that cannot be read."""
        self.unread.append((queue, text))
        self.last_delay_s = delay_s

    async def receive_poison(self, queue: str) -> AsyncIterator[PoisonMessage]:
        """Iterate over the poison messages of a queue. All of them stay visible until they are deleted."""
        for number, text in enumerate(list(self.poison.get(queue, ()))):
            yield PoisonMessage(queue=queue, id=f"poison-{number}", receipt="", text=text)

    async def delete_poison(self, message: PoisonMessage) -> None:
        """Delete a message."""
        self.poison[message.queue].remove(message.text)

    def _put(self, message: Job, delay_s: float) -> None:
        self.messages.append(message)
        self.last_delay_s = delay_s
