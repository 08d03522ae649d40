"""Messages as they arrive: plain JSON of ids, each once, not before their time."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from infra.local.azurite import ACCOUNT, KEY, Azurite
from shared.adapters import queues
from shared.adapters.queues import StorageJobQueue
from shared.domain.directory import Source
from shared.domain.ids import ImportId, LocationId, TenantId
from shared.domain.retry_policy import QUEUE_REQUEST
from shared.domain.run import RunMode
from shared.domain.sync.jobs import POISON_SUFFIX, QUEUES, DeactivateJob, FetchJob, ImportJob, ReconcileJob, SyncRequest
from shared.domain.sync.queue_messages import encode, envelope_of, parse_request
from shared.errors import Transient
from shared.ports.queues import JobQueue, PoisonMessage
from shared.telemetry import SpanKind, count_requests, current_traceparent, invocation
from tests.support.fakes import FakeJobQueue
from tests.support.samples import RUN, settings
from tests.support.telemetry import exported

Read = Callable[[], Awaitable[list[str]]]


@dataclass(frozen=True)
class Opened:
    """A queue to send to, and the texts of the messages that are visible in it now."""

    queue: JobQueue
    read: Read


@pytest.fixture(params=["fake", "azurite"])
async def opened(request: pytest.FixtureRequest, tenant: TenantId) -> AsyncIterator[Opened]:
    """The fake, then the real one, of which only this test's messages are read."""
    if request.param == "fake":
        fake = FakeJobQueue()

        async def read_fake() -> list[str]:
            return [encode(message) for message in fake.messages]

        yield Opened(fake, read_fake)
        return
    azurite = request.getfixturevalue("azurite")
    assert isinstance(azurite, Azurite)
    real = StorageJobQueue(settings(azurite.connection_string))
    async with QueueServiceClient.from_connection_string(azurite.connection_string) as service:

        async def read_real() -> list[str]:
            return [text async for text in _taken(service) if tenant in text]

        yield Opened(real, read_real)
    await real.close()


async def _taken(service: QueueServiceClient) -> AsyncIterator[str]:
    """Take every visible message out of the queues."""
    existing = {queue.name async for queue in service.list_queues()}
    for name in existing & set(QUEUES):
        client = service.get_queue_client(name)
        async for message in client.receive_messages(messages_per_page=32):
            await client.delete_message(message)
            yield str(message.content)


async def test_a_request_says_who_asked(opened: Opened, tenant: TenantId) -> None:
    """What the product adds to a request survives beside the public contract."""
    request = SyncRequest(tenant=tenant, mode=RunMode.FULL, request="r-1", requested_by="schedule")
    await opened.queue.send([request])
    (text,) = await opened.read()
    assert json.loads(text) == {"tenant": tenant, "mode": "full", "request": "r-1", "by": "schedule", "schema": 1}
    assert parse_request(text, "message-1") == request


async def test_every_job_arrives_once(opened: Opened, tenant: TenantId) -> None:
    """Forty jobs, more than are sent at the same time, arrive each once, as ids and nothing else."""
    jobs = [ReconcileJob(tenant=tenant, run=RUN, location=LocationId(f"l{number}")) for number in range(40)]
    await opened.queue.send(jobs)
    assert sorted(await opened.read()) == sorted(encode(job) for job in jobs)


async def test_each_kind_of_job(opened: Opened, tenant: TenantId) -> None:
    """Fetch, deactivate and import jobs are plain JSON too; no jobs are no messages."""
    fetch, deactivate = (
        FetchJob(tenant=tenant, run=RUN, source=Source().id),
        DeactivateJob(tenant=tenant, run=RUN),
    )
    import_ = ImportJob(tenant=tenant, run=RUN, location=LocationId("desk"), import_id=ImportId(RUN))
    await opened.queue.send([])
    await opened.queue.send([fetch, deactivate, import_])
    found = sorted((json.loads(text) for text in await opened.read()), key=list)
    assert found == [
        {"step": "deactivate", "tenant": tenant, "run": RUN, "schema": 1},
        {"tenant": tenant, "run": RUN, "location": "desk", "import_id": RUN, "schema": 1},
        {"tenant": tenant, "run": RUN, "source": "main:users", "schema": 1},
    ]


async def test_a_delayed_message_is_not_visible_yet(azurite: Azurite, tenant: TenantId) -> None:
    """A message sent for later is in the queue, and nobody receives it before."""
    queue = StorageJobQueue(settings(azurite.connection_string))
    await queue.send([DeactivateJob(tenant=tenant, run=RUN)], delay_s=300)
    await queue.close()
    async with QueueServiceClient.from_connection_string(azurite.connection_string) as service:
        client = service.get_queue_client(DeactivateJob.queue)
        assert [text async for text in _taken(service) if tenant in text] == []
        assert (await client.get_queue_properties()).approximate_message_count
        await client.clear_messages()


async def test_a_message_carries_the_trace_of_its_sender(azurite: Azurite, tenant: TenantId) -> None:
    """A delayed one also says when it is due; its age counts from then."""
    queue = StorageJobQueue(settings(azurite.connection_string))
    job = ImportJob(tenant=tenant, run=RUN, location=LocationId("desk"), import_id=ImportId(RUN))
    async with QueueServiceClient.from_connection_string(azurite.connection_string) as service:
        await queue.send([job])
        client = service.get_queue_client(ImportJob.queue)
        await client.clear_messages()
        assert await queue.oldest_due(ImportJob.queue) is None
        sent = datetime.now(UTC)
        with exported(), invocation("f", function="f", kind=SpanKind.SERVER):
            trace = current_traceparent()
            await queue.send([job], delay_s=2)
        await client.send_message("from somewhere else")
        (text, other) = [message.content for message in await _visible(client, 2)]
        due = await queue.oldest_due(ImportJob.queue)
        await client.clear_messages()
    await queue.close()
    assert {trace, None} == {envelope_of(text).traceparent, envelope_of(other).traceparent}
    assert due is not None
    assert sent - timedelta(seconds=2) <= due <= datetime.now(UTC)
    (delayed,) = [found.due for found in (envelope_of(text), envelope_of(other)) if found.due is not None]
    assert 1 <= delayed - sent.timestamp() <= 4


async def _visible(client: QueueClient, number: int) -> list[QueueMessage]:
    """Return the messages of a queue when that number of them is visible."""
    async with asyncio.timeout(30):
        while len(messages := await client.peek_messages(max_messages=32)) < number:  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.1)
    return messages


async def test_a_queue_that_is_busy_says_for_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal that waiting cures is Transient with the time asked for; every request is charged."""
    monkeypatch.setattr(
        queues, "RETRY_OPTIONS", dict.fromkeys(queues.RETRY_OPTIONS, 0) | {"retry_total": QUEUE_REQUEST.retries}
    )

    async def busy(request: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "0", "x-ms-error-code": "ServerBusy"})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", busy)
    async with TestServer(app) as server:
        url = f"http://127.0.0.1:{server.port}/{ACCOUNT}"
        queue = StorageJobQueue(settings(f"AccountName={ACCOUNT};AccountKey={KEY};QueueEndpoint={url};"))
        with count_requests() as counters, pytest.raises(Transient) as caught:
            await queue.send([DeactivateJob(tenant=TenantId("contoso"), run=RUN)])
        await queue.close()
    assert (caught.value.code, caught.value.retry_after_s) == ("storage_busy", 0)
    assert counters.storage_requests == 4


async def test_poison_is_received_until_it_is_deleted(azurite: Azurite, tenant: TenantId) -> None:
    """Each message is received once; deleting it twice, or with an old receipt, changes nothing."""
    queue = StorageJobQueue(settings(azurite.connection_string))
    assert [message async for message in queue.receive_poison(ImportJob.queue) if tenant in message.text] == []
    async with QueueServiceClient.from_connection_string(azurite.connection_string) as service:
        client = service.get_queue_client(f"{ImportJob.queue}{POISON_SUFFIX}")
        for number in range(40):
            await client.send_message(f"{tenant} {number}")
        received = [message async for message in queue.receive_poison(ImportJob.queue) if tenant in message.text]
        assert sorted(message.text for message in received) == sorted(f"{tenant} {number}" for number in range(40))
        assert {message.queue for message in received} == {ImportJob.queue}
        assert [message async for message in queue.receive_poison(ImportJob.queue) if tenant in message.text] == []
        for message in received:
            await queue.delete_poison(message)
        await queue.delete_poison(received[0])
        assert not (await client.get_queue_properties()).approximate_message_count
        await client.send_message(tenant)
        (first,) = [message async for message in client.receive_messages(visibility_timeout=1)]
        await client.update_message(first, visibility_timeout=300)
        stale = PoisonMessage(queue=ImportJob.queue, id=first.id, receipt=str(first.pop_receipt), text=tenant)
        await queue.delete_poison(stale)
        assert (await client.get_queue_properties()).approximate_message_count == 1
        await client.clear_messages()
    await queue.close()
