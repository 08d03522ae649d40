"""Trouble with the storage: some of it is waited for, all other takes the host down, as in Azure."""

import asyncio

import pytest

from infra.local.functions_host.connections import StorageRetries
from infra.local.functions_host.polling import LOCK_S, POLL_S
from tests.contracts.stand_ins.functions_host.running import Queues, Running, StartHost, until
from tests.support.storage_front import StorageFront

WORK = """
go = asyncio.Event()
@app.queue_trigger(arg_name="msg", queue_name="%IN%", connection="AzureWebJobsStorage")
async def work(msg: func.QueueMessage) -> None:
    seen.append(msg.dequeue_count)
    body = msg.get_body()
    if body == b"long":
        await go.wait()
    if body == b"bad":
        raise ValueError("bad")
"""
PLAIN = {"messageEncoding": "none", "maxPollingInterval": "00:00:00.1", "maxDequeueCount": 2}
#: Factor for the host's waits: six tries take a quarter of a second.
SHORT = 0.01
POLL, DELETE, UPDATE = r"^GET .*/messages\?", r"^DELETE .*/messages/", r"^PUT .*/messages/"
POISON = r"^POST .*-poison/messages"
BUSY = (503, "ServerBusy")
DENIED = (403, "AuthorizationPermissionMismatch")


async def started(start_host: StartHost, queues: Queues, front: StorageFront, **options: object) -> Running:
    """Run the host behind a front of the storage."""
    await queues.create("in")
    environ = {"IN": queues.name("in"), "AzureWebJobsStorage": front.address.connection_string}
    return await start_host(WORK, queues={**PLAIN, **options}, environ=environ, waits=SHORT, lock_s=2)


async def failed(host: Running) -> None:
    """Wait until the host has to end."""
    await asyncio.wait_for(host.host.failed.wait(), 15)


@pytest.mark.parametrize("seed", range(3))
def test_six_tries_take_20_to_30_s(seed: int) -> None:
    """Waits begin at 0.8 s and double, each within a fifth."""
    retries = StorageRetries(1.0)
    waits = [retries.get_backoff_time({"count": count}) for count in range(1, 6)]
    assert retries.total_retries == len(waits) == 5
    assert all(
        0.8 * usual <= wait <= 1.2 * usual for wait, usual in zip(waits, [0.8, 1.6, 3.2, 6.4, 12.8], strict=True)
    )
    assert 19 < sum(waits) < 30


@pytest.mark.parametrize(
    ("text", "request_", "refusal", "tries"),
    [
        ("good", POLL, DENIED, 1),
        ("good", DELETE, DENIED, 1),
        ("good", DELETE, BUSY, 6),
        ("bad", UPDATE, BUSY, 6),
        ("bad", POISON, BUSY, 6),
        ("long", UPDATE, BUSY, 6),
    ],
    ids=["poll", "delete-denied", "delete", "release", "poison", "renewal"],
)
async def test_what_takes_the_host_down(
    start_host: StartHost,
    queues: Queues,
    front: StorageFront,
    text: str,
    request_: str,
    refusal: tuple[int, str],
    tries: int,
) -> None:
    """A 403 at its first try, and a message that cannot be settled or kept after six; unsettled, it stays."""
    host = await started(start_host, queues, front, maxDequeueCount=1 if request_ == POISON else 2)
    with front.refusing(request_, *refusal):
        await queues.send("in", text)
        await failed(host)
        assert front.count(request_) >= tries
        host.app.go.set()
        await host.host.stop()
    # a function that runs finishes, and its message is deleted while its last lock lasts
    assert await queues.count("in") == (0 if text == "long" else 1)


async def test_refused_connections_take_the_host_down(
    start_host: StartHost, queues: Queues, front: StorageFront
) -> None:
    """After the poll's six tries."""
    host = await started(start_host, queues, front)
    await until(lambda: front.count(POLL) > 0)
    await front.down()
    await failed(host)


@pytest.mark.parametrize("status", [500, 503])
async def test_a_poll_that_fails_on_the_server_is_repeated(
    start_host: StartHost, queues: Queues, front: StorageFront, status: int
) -> None:
    """The host goes on, and the message is processed when the service has recovered."""
    host = await started(start_host, queues, front)
    with front.refusing(POLL, status, "InternalError"):
        await queues.send("in", "good")
        before = front.count(POLL)
        await until(lambda: front.count(POLL) >= before + 7)
    await until(lambda: queues.is_empty("in"))
    assert not host.host.failed.is_set()


async def test_what_runs_is_finished_and_deleted(start_host: StartHost, queues: Queues, front: StorageFront) -> None:
    """A host that ends because a poll was refused completes its messages in flight."""
    host = await started(start_host, queues, front)
    await queues.send("in", "long")
    await until(lambda: bool(host.app.seen))
    with front.refusing(POLL, *DENIED):
        await failed(host)
        stopping = asyncio.ensure_future(host.host.stop())
        host.app.go.set()
        assert await stopping == 0
    assert await queues.is_empty("in")


async def test_a_stop_cuts_off_the_poll_under_way(start_host: StartHost, queues: Queues, front: StorageFront) -> None:
    """What the service had given out already stays locked, with one delivery counted, and is not processed."""
    await queues.create("in")
    await queues.send("in", "good")
    environ = {"IN": queues.name("in"), "AzureWebJobsStorage": front.address.connection_string}
    with front.holding(POLL) as answered:
        host = await start_host(WORK, queues=PLAIN, environ=environ, waits=SHORT, lock_s=3)
        await until(answered.is_set)
        await host.host.stop()
        assert host.app.seen == []
        assert await queues.take("in") is None
        assert await queues.count("in") == 1

    async def comes_again() -> bool:
        message = await queues.take("in")
        return message is not None and message.dequeue_count == 2

    await until(comes_again)


async def test_a_poll_without_an_answer_is_given_up(start_host: StartHost, queues: Queues, front: StorageFront) -> None:
    """The host polls again, and goes on."""
    assert POLL_S == 100
    with front.holding(POLL):
        host = await started(start_host, queues, front)
        await until(lambda: front.count(POLL) >= 2)
        assert not host.host.failed.is_set()


def test_a_lock_lasts_for_ten_minutes() -> None:
    """host.json cannot change it."""
    assert LOCK_S == 600
