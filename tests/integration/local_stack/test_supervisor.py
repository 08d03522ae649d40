"""Starting, watching and ending the stack's processes."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil  # type: ignore[import-untyped] # no stubs among the pinned packages
import pytest

from infra.local.stack import processes
from infra.local.stack.supervisor import PartFailed, Supervisor
from tests.integration.local_stack.stubs import DIES, gone, part


@pytest.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Supervisor]:
    """One without parts; what a test starts is ended."""
    supervisor = Supervisor(tmp_path)
    yield supervisor
    await supervisor.end()


async def test_a_part_runs_until_the_end(supervisor: Supervisor, tmp_path: Path) -> None:
    """It has a log and a record while it runs, and afterwards neither process nor record is left."""
    supervisor.start(part(tmp_path, "one"))
    await supervisor.ready("one")
    pid = supervisor.pids["one"]
    assert [each.name for each in processes.load(tmp_path)] == ["stack", "one"]
    assert "hello from the stub" in (tmp_path / "logs" / "one.log").read_text()
    await supervisor.end()
    assert gone(pid)
    assert processes.load(tmp_path) == []


async def test_a_parts_own_processes_end_with_it(supervisor: Supervisor, tmp_path: Path) -> None:
    """Ending and killing reach the whole process group."""
    for name in ("ended", "killed"):
        supervisor.start(part(tmp_path, name, "child"))
        await supervisor.ready(name)
    await supervisor.stop("ended")
    supervisor.kill("killed")
    assert all(gone(int((tmp_path / f"{name}.ready.child").read_text())) for name in ("ended", "killed"))


async def test_a_part_that_ignores_sigterm_is_killed(supervisor: Supervisor, tmp_path: Path) -> None:
    """The grace is a limit, not a hope."""
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + part(tmp_path, "x").command[2]
    supervisor.start(part(tmp_path, "deaf", script=deaf, end_grace_s=0.2))
    await supervisor.ready("deaf")
    pid = supervisor.pids["deaf"]
    await supervisor.stop("deaf")
    assert gone(pid)


async def test_a_part_that_dies_at_start_is_named_with_its_last_words(supervisor: Supervisor, tmp_path: Path) -> None:
    """The error has the part, its exit code and the end of its log."""
    supervisor.start(part(tmp_path, "graph", script=DIES))
    with pytest.raises(PartFailed, match=r"(?s)graph ended with code 3.*graph\.log.*no memory for pages"):
        await supervisor.ready("graph")


async def test_a_part_that_dies_later_is_noticed(supervisor: Supervisor, tmp_path: Path) -> None:
    """The death of any part ends the wait for failures."""
    for name in ("one", "two"):
        supervisor.start(part(tmp_path, name))
        await supervisor.ready(name)
    psutil.Process(supervisor.pids["one"]).kill()
    with pytest.raises(PartFailed, match="one ended with code -9"):
        await supervisor.failure()


async def test_a_part_that_never_answers_is_given_up(supervisor: Supervisor, tmp_path: Path) -> None:
    """The error says how long it was waited for."""
    silent = part(tmp_path, "silent", script="import threading; threading.Event().wait(600)", start_timeout_s=0.2)
    supervisor.start(silent)
    with pytest.raises(PartFailed, match=r"silent did not answer within 0\.2 s"):
        await supervisor.ready("silent")


async def test_a_command_that_does_not_exist_says_so(supervisor: Supervisor, tmp_path: Path) -> None:
    """The log contains the reason why the command could not be started."""
    missing = part(tmp_path, "missing")
    missing.command[:] = ["no-such-program"]
    supervisor.start(missing)
    with pytest.raises(PartFailed, match="no-such-program could not be started: No such file"):
        await supervisor.ready("missing")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent; others: make down")
def test_killing_the_parent_leaves_no_child(tmp_path: Path) -> None:
    """After SIGKILL, which nothing can handle, the parts end all the same."""
    command = [sys.executable, "-m", "tests.integration.local_stack.stubs", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:  # noqa: S603 - this interpreter
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        parts = [each for each in processes.load(tmp_path) if each.name != "stack"]
        assert len(parts) == 2
        assert all(part.process() for part in parts)
        parent.kill()
    assert all(gone(part.pid) for part in parts)
