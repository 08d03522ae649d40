"""Each scale group has a worker process of its own, as in Azure; the host keeps queues, locks and HTTP."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.contracts.stand_ins.functions_host.running import Queues, StartHost, until

PLAIN = {"messageEncoding": "none", "maxPollingInterval": "00:00:00.1"}
APP = """
import os, signal, time

@app.route(route="first")
async def first(req: func.HttpRequest) -> str:
    return str(os.getpid())

@app.route(route="second")
def second(req: func.HttpRequest) -> str:
    return str(os.getpid())

@app.queue_trigger(arg_name="msg", queue_name="%IN%", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="out", queue_name="%OUT%", connection="AzureWebJobsStorage")
async def work(msg: func.QueueMessage, out: func.Out[str]) -> None:
    body = msg.get_body().decode()
    if body == "block":
        time.sleep(4)
    if body == "crash" and msg.dequeue_count == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    out.set(f"{body} {msg.dequeue_count} {os.getpid()}")

@app.queue_trigger(arg_name="msg", queue_name="%OTHER%", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="out", queue_name="%OUT%", connection="AzureWebJobsStorage")
async def other(msg: func.QueueMessage, out: func.Out[str]) -> None:
    out.set(f"other {os.getpid()}")

@app.route(route="slow")
async def slow(req: func.HttpRequest) -> str:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        open(req.params["to"], "w").close()
        raise
    return "late"
"""


async def environ_of(queues: Queues) -> dict[str, str]:
    """Create the queues, and return the settings that name them."""
    return {name.upper(): await queues.create(name) for name in ("in", "other", "out")}


async def messages(queues: Queues, count: int) -> list[str]:
    """Return the outputs once there are this many."""

    async def are_there() -> bool:
        return len(await queues.texts("out")) == count

    await until(are_there, 60)
    return sorted(await queues.texts("out"))


async def test_one_process_per_scale_group(start_host: StartHost, queues: Queues) -> None:
    """Each queue function has its own process, HTTP functions share one, and none runs in the host's."""
    host = await start_host(APP, queues=PLAIN, environ=await environ_of(queues), per_group=True)
    await queues.send("in", "go")
    await queues.send("other", "go")
    first, second = [int((await host.get(f"/api/{name}"))[1]) for name in ("first", "second")]
    one, other = [int(text.split()[-1]) for text in await messages(queues, 2)]
    assert first == second
    assert len({os.getpid(), first, one, other}) == 4


async def test_the_host_renews_locks(start_host: StartHost, queues: Queues) -> None:
    """A function that blocks its event loop for longer than the lock lasts does not lose its message."""
    host = await start_host(APP, queues=PLAIN, environ=await environ_of(queues), lock_s=2, per_group=True)
    await queues.send("in", "block")
    (text,) = await messages(queues, 1)
    await until(lambda: queues.is_empty("in"))
    assert text.startswith("block 1 ")
    assert host.host._invoker.running == 0


async def test_a_dead_worker_is_replaced(start_host: StartHost, queues: Queues) -> None:
    """The message of a process that dies is delivered again, to a new process."""
    await start_host(APP, queues=PLAIN, environ=await environ_of(queues), per_group=True)
    await queues.send("in", "before")
    (before,) = await messages(queues, 1)
    await queues.send("in", "crash")
    before, after = await messages(queues, 2)
    assert after.startswith("crash 2 ")
    assert before.split()[-1] != after.split()[-1]


async def test_time_limit_reaches_the_worker(start_host: StartHost, queues: Queues, tmp_path: Path) -> None:
    """An invocation that exceeds functionTimeout is cancelled in its process, which then serves others."""
    limits = {"functionTimeout": "00:00:06"}
    host = await start_host(APP, queues=PLAIN, host_json=limits, environ=await environ_of(queues), per_group=True)
    pid = await host.get("/api/first")
    cancelled = tmp_path / "cancelled"
    status, _ = await host.get("/api/slow", params={"to": str(cancelled)})
    assert status == 500
    await until(cancelled.exists)
    assert await host.get("/api/first") == pid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_workers_end_with_the_host(start_host: StartHost, queues: Queues, number: signal.Signals) -> None:
    """A signal to a worker is ignored: it ends when the host has drained and closes the connection."""
    host = await start_host(APP, queues=PLAIN, environ=await environ_of(queues), per_group=True)
    pid = int((await host.get("/api/first"))[1])
    os.kill(pid, number)
    await asyncio.sleep(0)
    assert int((await host.get("/api/second"))[1]) == pid
    await host.host.stop(drain_s=5)
    with suppress(ChildProcessError), pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
