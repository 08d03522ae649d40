"""Queue Storage: the job queues, through azure-storage-queue."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from time import time
from typing import Any, Final

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)

from shared.adapters.network.transport import retry_after_s
from shared.adapters.storage_account import StorageService
from shared.domain.retry_policy import QUEUE_REQUEST
from shared.domain.sync.jobs import POISON_SUFFIX, Job
from shared.domain.sync.queue_messages import Envelope, encode, envelope_of
from shared.errors import Misconfigured, Rejected, Transient
from shared.ports.queues import PoisonMessage
from shared.settings import Settings
from shared.telemetry import current_traceparent

#: Retry options of the SDK, which then waits 0 to 3 s before a retry.
RETRY_OPTIONS: Final[dict[str, Any]] = {
    "retry_total": QUEUE_REQUEST.retries,
    "initial_backoff": QUEUE_REQUEST.first_wait_s,
    "increment_base": QUEUE_REQUEST.first_wait_s,
    "random_jitter_range": QUEUE_REQUEST.first_wait_s,
}
#: Maximum number of messages that a process sends concurrently.
_CONCURRENT: Final = 16
#: Maximum number of messages that Queue Storage returns in one response.
_MAX_RECEIVED: Final = 32
#: Time for which a received poison message stays invisible, in seconds: a little less than between two watchdogs.
_POISON_INVISIBLE_S: Final = 240


class StorageJobQueue:
    """`JobQueue` on Queue Storage. Messages are plain JSON text, as set by `messageEncoding` in host.json."""

    def __init__(self, settings: Settings) -> None:
        self._service: StorageService[Any] = StorageService(
            connection_string=settings.storage_connection_string,
            url=settings.queue_service_url,
            identity=settings.managed_identity_client_id,
            service="queue",
            client_class=_client_class,
            options=RETRY_OPTIONS,
            create=_create,
        )
        self._slots = asyncio.Semaphore(_CONCURRENT)

    async def send(self, jobs: Sequence[Job], *, delay_s: float = 0) -> None:
        """Enqueue jobs. Their messages stay invisible for `delay_s` seconds, and continue the current trace."""
        due = round(time() + delay_s) if round(delay_s) else None
        envelope = Envelope(traceparent=current_traceparent(), due=due)
        await asyncio.gather(*(self._send(job.queue, encode(job, envelope), delay_s) for job in jobs))

    async def oldest_due(self, queue: str) -> datetime | None:
        """Return when the oldest visible message of a queue was due; None if there are none.

        Raises as `depth`.
        """
        client = await self._service.ready(queue)
        with _translated():  # a queue gives its messages nearly in the order in which they became visible
            return min(map(_due, await client.peek_messages(max_messages=_MAX_RECEIVED)), default=None)

    async def put_back(self, queue: str, text: str, *, delay_s: float) -> None:
        """Enqueue the text of a message that this version of the app cannot read."""
        await self._send(queue, text, delay_s)

    async def receive_poison(self, queue: str) -> AsyncIterator[PoisonMessage]:
        """Iterate over the messages of a queue that the host moved to its poison queue."""
        await self._service.ready(queue)  # so that a person can put the first message on it
        client = await self._service.ready(f"{queue}{POISON_SUFFIX}")
        with _translated():
            async for message in client.receive_messages(
                messages_per_page=_MAX_RECEIVED, visibility_timeout=_POISON_INVISIBLE_S
            ):
                yield PoisonMessage(queue=queue, id=message.id, receipt=message.pop_receipt, text=message.content)

    async def delete_poison(self, message: PoisonMessage) -> None:
        """Delete a message. If it was received again since, or deleted, nothing happens."""
        client = await self._service.ready(f"{message.queue}{POISON_SUFFIX}")
        with suppress(Rejected), _translated(), suppress(ResourceNotFoundError):
            await client.delete_message(message.id, message.receipt)

    async def depth(self, name: str) -> int:
        """Return the approximate number of messages in a queue.

        Raises:
            Transient: if Queue Storage did not answer or is busy.
            Misconfigured: if Queue Storage refuses the app.

        """
        queue = await self._service.ready(name)
        with _translated():
            return int((await queue.get_queue_properties()).approximate_message_count or 0)

    async def close(self) -> None:
        """Close all connections. The next use opens new ones."""
        await self._service.close()

    async def _send(self, name: str, text: str, delay_s: float) -> None:
        client = await self._service.ready(name)
        async with self._slots:
            with _translated():
                await client.send_message(text, visibility_timeout=round(delay_s) or None)


def _due(message: Any) -> datetime:  # noqa: ANN401 - the SDK's
    sent: datetime = message.inserted_on
    due = envelope_of(str(message.content)).due
    return max(sent, datetime.fromtimestamp(due, UTC)) if due is not None else sent


def _client_class() -> Any:  # noqa: ANN401 - imported only when needed: takes 0.56 s
    from azure.storage.queue.aio import QueueServiceClient  # noqa: PLC0415

    return QueueServiceClient


async def _create(service: Any, name: str) -> Any:  # noqa: ANN401 - as above
    queue = service.get_queue_client(name)
    with _translated(), suppress(ResourceExistsError):
        await queue.create_queue()
    return queue


@contextmanager
def _translated() -> Iterator[None]:
    """Raise the product's errors instead of the SDK's."""
    try:
        yield
    except HttpResponseError as error:
        status = error.status_code or 500
        if status in {401, 403}:
            raise Misconfigured(
                "Queue Storage refuses the app: give its identity the role Storage Queue Data Contributor.",
                code="storage_forbidden",
            ) from error
        if status == HTTPStatus.NOT_FOUND:
            raise Misconfigured(
                "A queue was deleted while the app runs: restart the app.", code="queue_missing"
            ) from error
        if status in {400, 413}:
            raise Rejected(f"Queue Storage refuses a message ({status}).", code="storage_refused") from error
        raise Transient(
            f"Queue Storage answered {status}; try again.", code="storage_busy", retry_after_s=retry_after_s(error)
        ) from error
    except (ServiceRequestError, ServiceResponseError) as error:
        raise Transient("Queue Storage did not answer; try again.", code="storage_unreachable") from error
    except AzureError as error:
        raise Transient(f"Queue Storage could not be used: {type(error).__name__}.", code="storage") from error
