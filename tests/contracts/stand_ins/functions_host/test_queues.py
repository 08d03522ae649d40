"""Messages are received, run, deleted, released and put aside as by the Storage extension."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta

from infra.local.functions_host.backoff import Backoff
from infra.local.functions_host.queues import poison_name
from tests.contracts.stand_ins.functions_host.running import Queues, StartHost, until
from tests.support.storage_front import StorageFront

KEEP = """
@app.queue_trigger(arg_name="msg", queue_name="%IN%", connection="AzureWebJobsStorage")
async def work(msg: func.QueueMessage) -> None:
    seen.append(msg)
"""
FAIL = """
@app.queue_trigger(arg_name="msg", queue_name="%IN%", connection="AzureWebJobsStorage")
async def work(msg: func.QueueMessage) -> None:
    seen.append(msg.dequeue_count)
    if msg.get_body() != b"good":
        raise ValueError("bad")
"""
PLAIN = {"messageEncoding": "none"}


async def test_success_deletes(start_host: StartHost, queues: Queues) -> None:
    """A message whose function returns is gone, and the function saw its body and metadata."""
    await queues.create("in")
    host = await start_host(KEEP, environ={"IN": queues.name("in")})
    await queues.send("in", base64.b64encode("grüße".encode()).decode())
    await until(lambda: queues.is_empty("in"))
    (message,) = host.app.seen
    assert (message.get_body().decode(), message.dequeue_count) == ("grüße", 1)
    assert message.id
    assert message.pop_receipt
    now = datetime.now(UTC)
    assert now - timedelta(minutes=1) < message.insertion_time <= now
    assert message.expiration_time > now + timedelta(days=6)
    assert now + timedelta(minutes=9) < message.time_next_visible < now + timedelta(minutes=11)


async def test_plain_text(start_host: StartHost, queues: Queues) -> None:
    """With messageEncoding none the text is the body."""
    await queues.create("in")
    host = await start_host(KEEP, queues=PLAIN, environ={"IN": queues.name("in")})
    await queues.send("in", '{"tenant": "<contoso> & ü"}')
    await until(lambda: queues.is_empty("in"))
    assert host.app.seen[0].get_json() == {"tenant": "<contoso> & ü"}


async def test_message_hides_metadata(start_host: StartHost, queues: Queues) -> None:
    """A JSON message's own properties hide the metadata of the same name, whatever their case, as in Azure."""
    await queues.create("in")
    host = await start_host(KEEP, queues=PLAIN, environ={"IN": queues.name("in")})
    await queues.send("in", '{"id": "7", "DEQUEUECOUNT": 3, "popReceipt": null}')
    await until(lambda: queues.is_empty("in"))
    (message,) = host.app.seen
    assert (message.id, message.dequeue_count) == ("7", 3)
    assert message.pop_receipt


async def test_missing_queue_is_waited_for(start_host: StartHost, queues: Queues) -> None:
    """A trigger does not create its queue, and detects it after another client has created it."""
    host = await start_host(KEEP, queues=PLAIN, environ={"IN": queues.name("in")})
    await host.get("/admin/host/ping")
    assert not await queues.exists("in")
    await queues.create("in")
    await queues.send("in", "late")
    await until(lambda: len(host.app.seen) == 1)


async def test_failure_delivers_again_then_poison(start_host: StartHost, queues: Queues) -> None:
    """A failing message comes again until maxDequeueCount, then lies with the same text in the poison queue."""
    await queues.create("in")
    host = await start_host(FAIL, queues={**PLAIN, "maxDequeueCount": 3}, environ={"IN": queues.name("in")})
    await queues.send("in", "bad <text>")
    await until(lambda: queues.is_empty("in"))
    assert host.app.seen == [1, 2, 3]
    assert await queues.texts("in-poison") == ["bad <text>"]


async def test_failure_waits_for_the_visibility_timeout(start_host: StartHost, queues: Queues) -> None:
    """After a failure, the message is invisible until visibilityTimeout is over."""
    await queues.create("in")
    options = {**PLAIN, "visibilityTimeout": "00:05:00"}
    host = await start_host(FAIL, queues=options, environ={"IN": queues.name("in")})
    await queues.send("in", "bad")
    await until(lambda: host.app.seen == [1])
    await host.host.stop()
    assert await queues.texts("in") == []
    assert await queues.count("in") == 1


async def test_too_often_delivered_goes_to_poison_without_running(start_host: StartHost, queues: Queues) -> None:
    """A message above maxDequeueCount, because hosts died with it, is put aside unseen."""
    await queues.create("in")
    await queues.send("in", "good")
    client = queues.service.get_queue_client(queues.name("in"))
    taken = await client.receive_message(visibility_timeout=30)
    assert taken is not None
    await client.update_message(taken.id, taken.pop_receipt, visibility_timeout=0)
    host = await start_host(FAIL, queues={**PLAIN, "maxDequeueCount": 1}, environ={"IN": queues.name("in")})
    await until(lambda: queues.is_empty("in"))
    assert host.app.seen == []
    assert await queues.texts("in-poison") == ["good"]


async def test_undecodable_goes_to_poison_without_running(start_host: StartHost, queues: Queues) -> None:
    """Text that is not base64, where all must be, is put aside as it is."""
    await queues.create("in")
    host = await start_host(KEEP, environ={"IN": queues.name("in")})
    await queues.send("in", "{plain}")
    await until(lambda: queues.is_empty("in"))
    assert host.app.seen == []
    assert await queues.texts("in-poison") == ["{plain}"]


async def test_undecodable_messages_are_moved_before_the_others_run(
    start_host: StartHost, queues: Queues, front: StorageFront
) -> None:
    """If that fails, the rest of the batch is not run and stays locked, and the host ends."""
    await queues.create("in")
    await queues.send("in", base64.b64encode(b"good").decode())
    await queues.send("in", "{plain}")
    environ = {"IN": queues.name("in"), "AzureWebJobsStorage": front.address.connection_string}
    with front.refusing(r"^POST .*-poison/messages", 403, "AuthorizationPermissionMismatch"):
        host = await start_host(KEEP, environ=environ)
        await asyncio.wait_for(host.host.failed.wait(), 15)
        await host.host.stop()
    assert host.app.seen == []
    assert await queues.texts("in") == []
    assert await queues.count("in") == 2


async def test_poison_queue_has_no_poison_queue(start_host: StartHost, queues: Queues) -> None:
    """A failing message of a poison queue stays, invisible, where it is."""
    await queues.create("in-poison")
    options = {**PLAIN, "maxDequeueCount": 1}
    host = await start_host(FAIL, queues=options, environ={"IN": queues.name("in-poison")})
    await queues.send("in-poison", "bad")
    await until(lambda: host.app.seen == [1])
    await host.host.stop()
    assert await queues.count("in-poison") == 1
    assert not await queues.exists("in-poison-poison")


async def test_messages_of_a_poison_queue_run_however_often_delivered(start_host: StartHost, queues: Queues) -> None:
    """The limit of deliveries does not count where nothing can be put aside."""
    await queues.create("in-poison")
    await queues.send("in-poison", "old")
    client = queues.service.get_queue_client(queues.name("in-poison"))
    for _ in range(3):
        taken = await client.receive_message(visibility_timeout=30)
        assert taken is not None
        await client.update_message(taken.id, taken.pop_receipt, visibility_timeout=0)
    host = await start_host(KEEP, queues={**PLAIN, "maxDequeueCount": 1}, environ={"IN": queues.name("in-poison")})
    await until(lambda: queues.is_empty("in-poison"))
    assert len(host.app.seen) == 1


async def test_no_more_in_flight_than_batch_and_threshold(start_host: StartHost, queues: Queues) -> None:
    """The host runs up to batchSize + newBatchThreshold messages concurrently, and not more."""
    await queues.create("in")
    host = await start_host(
        """
go = asyncio.Event()
now = most = 0
@app.queue_trigger(arg_name="msg", queue_name="%IN%", connection="AzureWebJobsStorage")
async def work(msg: str) -> None:
    global now, most
    now += 1
    most = max(most, now)
    if msg != "first":
        await go.wait()
    now -= 1
""",
        queues={**PLAIN, "batchSize": 4, "newBatchThreshold": 2},
        environ={"IN": queues.name("in")},
    )
    for text in ["first", "first"] + ["later"] * 10:
        await queues.send("in", text)
    await until(lambda: host.app.now >= 3)
    host.app.go.set()
    await until(lambda: queues.is_empty("in"))
    assert host.app.most <= 6


async def test_redelivery_switch(start_host: StartHost, queues: Queues) -> None:
    """With the switch, what succeeded comes a second time before it is deleted."""
    await queues.create("in")
    host = await start_host(FAIL, queues=PLAIN, environ={"IN": queues.name("in")}, redeliver=True)
    await queues.send("in", "good")
    await until(lambda: queues.is_empty("in"))
    assert host.app.seen == [1, 2]


async def test_lock_is_renewed(start_host: StartHost, queues: Queues) -> None:
    """A function that outlasts the lock keeps its message, which is deleted with the renewed receipt."""
    await queues.create("in")
    host = await start_host(
        """
go = asyncio.Event()
@app.queue_trigger(arg_name="msg", queue_name="%IN%", connection="AzureWebJobsStorage")
async def work(msg: func.QueueMessage) -> None:
    seen.append(msg)
    await go.wait()
""",
        queues=PLAIN,
        environ={"IN": queues.name("in")},
        lock_s=2,
    )
    await queues.send("in", "long")
    await until(lambda: bool(host.app.seen))
    visible_again = host.app.seen[0].time_next_visible + timedelta(seconds=1)
    await until(lambda: datetime.now(UTC) > visible_again)
    assert await queues.take("in") is None
    host.app.go.set()
    await until(lambda: queues.is_empty("in"))
    assert len(host.app.seen) == 1


async def test_lost_lock_ends_quietly(start_host: StartHost, queues: Queues) -> None:
    """A message that was deleted while its function ran is neither renewed nor put back."""
    await queues.create("in")
    host = await start_host(
        """
go = asyncio.Event()
@app.queue_trigger(arg_name="msg", queue_name="%IN%", connection="AzureWebJobsStorage")
async def work(msg: func.QueueMessage) -> None:
    seen.append(msg)
    await go.wait()
    raise ValueError("bad")
""",
        queues=PLAIN,
        environ={"IN": queues.name("in")},
    )
    await queues.send("in", "taken")
    await until(lambda: bool(host.app.seen))
    await queues.service.get_queue_client(queues.name("in")).clear_messages()
    host.app.go.set()
    assert await host.host.stop() == 0
    assert await queues.texts("in") == []


async def test_drain_settles_what_runs(start_host: StartHost, queues: Queues) -> None:
    """Stopping lets the message in flight finish, deletes it, and leaves the others in the queue."""
    await queues.create("in")
    host = await start_host(
        """
go = asyncio.Event()
@app.queue_trigger(arg_name="msg", queue_name="%IN%", connection="AzureWebJobsStorage")
async def work(msg: str) -> None:
    seen.append(msg)
    await go.wait()
""",
        queues={**PLAIN, "batchSize": 1, "newBatchThreshold": 0},
        environ={"IN": queues.name("in")},
    )
    await queues.send("in", "running")
    await until(lambda: bool(host.app.seen))
    await queues.send("in", "waiting")
    stopping = asyncio.create_task(host.host.stop(drain_s=10))
    await asyncio.sleep(0)
    host.app.go.set()
    assert await stopping == 0
    assert host.app.seen == ["running"]
    assert await queues.texts("in") == ["waiting"]


def test_backoff() -> None:
    """Waits grow from 100 ms, doubling within a fifth, to the maximum and stay there; a message starts them again."""
    backoff = Backoff(1.0)
    for _ in range(1_000):
        waits = [backoff.next_s() for _ in range(8)]
        assert waits[0] == 0.1
        assert 0.18 <= waits[1] <= 0.22
        assert 0.26 <= waits[2] <= 0.34
        assert waits[5:] == [1.0] * 3
        backoff.reset()


def test_poison_names() -> None:
    """Poison queues, and names too long for the suffix, have no poison queue."""
    assert poison_name("work") == "work-poison"
    assert poison_name("work-poison") is None
    assert poison_name("w" * 60) is None
