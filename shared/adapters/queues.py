"""Queue Storage: the queues of `shared.ports.JobQueue`, on azure-storage-queue."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ServiceRequestError,
    ServiceResponseError,
)

from shared.adapters.transport import CountingTransport, credential, retry_after_s
from shared.domain.job import FetchJob, ReconcileJob, RetireJob, SyncRequest
from shared.domain.messages import encode_job, encode_request
from shared.errors import Misconfigured, Rejected, Transient
from shared.settings import Settings

REQUESTS: Final = "sync-requests"
FETCH: Final = "fetch-jobs"
RECONCILE: Final = "reconcile-jobs"
RETIRE: Final = "retire-jobs"

#: With this the SDK waits 1 to 3 s before each of its three retries. Its defaults make 18, 24 and 42 s, give or take 3,
#: which would outlast a drain.
_BACKOFF_S: Final = 1
#: Messages under way at the same time, per process.
_CONCURRENT: Final = 16


class StorageJobQueue:
    """`JobQueue` on Queue Storage; messages are plain JSON text, as host.json's `messageEncoding` says."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._identity: Any = None
        self._service: Any = None
        self._ready: dict[str, asyncio.Task[Any]] = {}
        self._slots = asyncio.Semaphore(_CONCURRENT)

    async def request(self, request: SyncRequest, *, delay_s: float = 0) -> None:
        """Ask for a run."""
        await self._send(REQUESTS, [encode_request(request)], delay_s)

    async def fetch(self, jobs: Sequence[FetchJob], *, delay_s: float = 0) -> None:
        """Enqueue fetch jobs."""
        await self._send(FETCH, [encode_job(job) for job in jobs], delay_s)

    async def reconcile(self, jobs: Sequence[ReconcileJob], *, delay_s: float = 0) -> None:
        """Enqueue reconcile jobs."""
        await self._send(RECONCILE, [encode_job(job) for job in jobs], delay_s)

    async def retire(self, job: RetireJob, *, delay_s: float = 0) -> None:
        """Enqueue a retire job."""
        await self._send(RETIRE, [encode_job(job)], delay_s)

    async def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        if self._service is not None:
            await self._service.close()
        if self._identity is not None:
            await self._identity.close()
        self._service = self._identity = None
        self._ready.clear()

    def _client(self) -> Any:  # noqa: ANN401 - imported only where it is needed: 0.56 s
        if self._service is None:
            from azure.storage.queue.aio import QueueServiceClient  # noqa: PLC0415

            options: dict[str, Any] = {
                "transport": CountingTransport(),
                "retry_total": 3,
                "initial_backoff": _BACKOFF_S,
                "increment_base": _BACKOFF_S,
                "random_jitter_range": _BACKOFF_S,
            }
            if self._settings.storage_connection_string is not None:
                self._service = QueueServiceClient.from_connection_string(
                    self._settings.storage_connection_string, **options
                )
            elif self._settings.queue_service_url is not None:
                self._identity = credential(self._settings)
                self._service = QueueServiceClient(
                    self._settings.queue_service_url, credential=self._identity, **options
                )
            else:
                raise Misconfigured("AzureWebJobsStorage is missing: set the storage account.", code="settings")
        return self._service

    async def _queue(self, name: str) -> Any:  # noqa: ANN401 - as above
        task = self._ready.get(name)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._ready[name] = asyncio.ensure_future(self._create(name))
        return await asyncio.shield(task)

    async def _create(self, name: str) -> Any:  # noqa: ANN401 - as above
        client = self._client().get_queue_client(name)
        with _translated(), suppress(ResourceExistsError):
            await client.create_queue()
        return client

    async def _send(self, name: str, texts: Sequence[str], delay_s: float) -> None:
        if not texts:
            return
        queue = await self._queue(name)

        async def send(text: str) -> None:
            async with self._slots:
                with _translated():
                    await queue.send_message(text, visibility_timeout=round(delay_s) or None)

        await asyncio.gather(*(send(text) for text in texts))


@contextmanager
def _translated() -> Iterator[None]:
    """Raise the SDK's errors as the product's."""
    try:
        yield
    except HttpResponseError as error:
        status = error.status_code or 500
        if status in {401, 403}:
            raise Misconfigured(
                "Queue Storage refuses the app: give its identity the role Storage Queue Data Contributor.",
                code="storage_forbidden",
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
