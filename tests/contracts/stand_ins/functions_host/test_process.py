"""The host as a process: it starts, drains on SIGTERM, refuses a broken app, and dies with its parent."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from infra.local.azurite import Azurite
from infra.local.stack.ports import free_ports
from tests.contracts.stand_ins.functions_host.running import until
from tests.support.storage_front import front_of

ROOT = Path(__file__).parents[4]
APP = """
import asyncio
import uuid
import azure.functions as func
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
@app.route()
async def slow(req: func.HttpRequest) -> str:
    await asyncio.sleep(float(req.params.get("s", "0")))
    return "done"
born_as = str(uuid.uuid4())
@app.route()
async def born(req: func.HttpRequest) -> str:
    return born_as
@app.queue_trigger(arg_name="msg", queue_name="process-test", connection="AzureWebJobsStorage")
async def work(msg: str) -> None: ...
"""


def command(root: Path, port: int) -> list[str]:
    """The host's command line."""
    return [sys.executable, "-m", "infra.local.functions_host", "--root", str(root), "--port", str(port)]


async def answers(port: int) -> bool:
    """Whether the host listens."""
    try:
        async with (
            aiohttp.ClientSession() as client,
            client.get(f"http://127.0.0.1:{port}/admin/host/ping") as response,
        ):
            return response.status == 200
    except aiohttp.ClientError:
        return False


@pytest.fixture
def environ(azurite: Azurite) -> dict[str, str]:
    """The environment of a host that uses the emulator."""
    return {**os.environ, "AzureWebJobsStorage": azurite.connection_string, "FUNCTIONS_HOST_KEY": "k"}


async def run_to_end(*arguments: str) -> tuple[int | None, str]:
    """Exit code and stderr of a host that ends by itself."""
    process = await asyncio.create_subprocess_exec(*arguments, cwd=ROOT, stderr=asyncio.subprocess.PIPE)
    _, errors = await process.communicate()
    return process.returncode, errors.decode()


async def test_drains_on_sigterm(tmp_path: Path, environ: dict[str, str]) -> None:
    """A request under way is answered after SIGTERM, and the exit code is 0."""
    (tmp_path / "function_app.py").write_text(APP)
    (port,), log = free_ports(1), tmp_path / "log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command(tmp_path, port), cwd=ROOT, env=environ, stderr=output)
    try:
        await until(lambda: answers(port), 60)
        async with aiohttp.ClientSession() as client:
            asking = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/api/slow?s=1"))
            await until(lambda: "Executing 'Functions.slow'" in log.read_text())
            process.send_signal(signal.SIGTERM)
            assert await (await asking).text() == "done"
        assert await asyncio.wait_for(process.wait(), 20) == 0
    finally:
        await end(process)
    assert "Executed 'Functions.slow' (Succeeded" in log.read_text()


async def test_drain_without_storage(tmp_path: Path, environ: dict[str, str]) -> None:
    """A host whose storage is out of reach serves HTTP and ends in time as well."""
    (tmp_path / "function_app.py").write_text(APP)
    port, nobody = free_ports(2)
    gone = f"AccountName=a;AccountKey=a2V5;QueueEndpoint=http://127.0.0.1:{nobody}/a;BlobEndpoint=http://127.0.0.1:{nobody}/a"
    process = await asyncio.create_subprocess_exec(
        *command(tmp_path, port),
        cwd=ROOT,
        env={**environ, "AzureWebJobsStorage": gone},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await until(lambda: answers(port), 60)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0
    finally:
        await end(process)


@pytest.mark.parametrize("options", [[], ["--process-per-group"]], ids=["shared", "groups"])
async def test_starts_again_after_storage_trouble(
    tmp_path: Path, environ: dict[str, str], azurite: Azurite, options: list[str]
) -> None:
    """The process stays, nothing of its memory does, and its worker processes are replaced; SIGTERM ends it with 0."""
    (tmp_path / "function_app.py").write_text(APP)
    (port,), log = free_ports(1), tmp_path / "log"
    async with front_of(azurite) as front, aiohttp.ClientSession() as client:
        settings = {"AzureWebJobsStorage": front.address.connection_string, "FUNCTIONS_HOST_WAITS": "0.01"}
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *command(tmp_path, port), *options, cwd=ROOT, env={**environ, **settings}, stderr=output
            )

        async def born() -> str:
            async with client.get(f"http://127.0.0.1:{port}/api/born") as response:
                return await response.text()

        try:
            await until(lambda: answers(port), 60)
            first = await born()
            assert await born() == first
            with front.refusing(r"^GET .*/messages\?", 403, "AuthorizationPermissionMismatch"):
                await until(lambda: "The host ends: queue process-test could not be read" in log.read_text(), 60)
            await until(lambda: log.read_text().count("Host started") > 1, 60)
            await until(lambda: answers(port), 60)
            assert await born() != first
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 20) == 0
        finally:
            await end(process)


async def test_refuses_a_broken_app(tmp_path: Path) -> None:
    """An app that Azure would not load ends the process with 1 and the reason."""
    (tmp_path / "function_app.py").write_text("import no_such_module\n")
    code, errors = await run_to_end(*command(tmp_path, 0))
    assert code == 1
    assert "No module named 'no_such_module'" in errors


async def test_refuses_other_addresses(tmp_path: Path) -> None:
    """The host listens on the loopback interface only."""
    code, errors = await run_to_end(*command(tmp_path, 0), "--host", "0.0.0.0")  # noqa: S104 (this is what is refused)
    assert code == 2
    assert "loopback" in errors


async def test_dies_with_its_parent(tmp_path: Path, environ: dict[str, str]) -> None:
    """A host ends immediately when its parent is killed, and releases its port."""
    (tmp_path / "function_app.py").write_text(APP)
    (port,) = free_ports(1)
    source = (
        "import os, subprocess, sys\n"
        "os.environ['LOCAL_STACK_PARENT_PID'] = str(os.getpid())\n"
        "subprocess.run(sys.argv[1:], check=False)\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", source, *command(tmp_path, port), cwd=ROOT, env=environ, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await until(lambda: answers(port), 60)
    finally:
        await end(parent)

    async def is_gone() -> bool:
        return not await answers(port)

    await until(is_gone)


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill the process, unless it has ended."""
    if process.returncode is None:
        process.kill()
    await process.wait()
