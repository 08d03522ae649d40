"""Cleaning up after a crash."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from infra.local.stack import processes
from infra.local.stack.down import end_leftovers
from infra.local.stack.local_stack import FILE

SLEEP = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, as a crashed stack would leave it."""
    with subprocess.Popen(SLEEP, start_new_session=True, stdout=subprocess.PIPE) as process:  # noqa: S603 - this interpreter
        assert process.stdout is not None
        process.stdout.readline()  # until then, it may still have the command of this process
        yield process
        process.kill()


def test_recorded_processes_are_ended_and_forgotten(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """The process ends, the record and the addresses are gone, and a second call finds nothing."""
    processes.save(tmp_path, [processes.record("entra", sleeper.pid, SLEEP)])
    (tmp_path / FILE).write_text("{}")
    assert end_leftovers(tmp_path) == [f"entra (process {sleeper.pid}): ended"]
    assert sleeper.wait(timeout=10) == -9
    assert list(tmp_path.iterdir()) == []
    assert end_leftovers(tmp_path) == []


@pytest.mark.parametrize("difference", [{"started": 1.0}, {"command": ["node", "azurite.js"]}])
def test_a_stranger_with_the_same_number_is_left_alone(
    sleeper: subprocess.Popen[bytes], tmp_path: Path, difference: dict[str, object]
) -> None:
    """Another start time or another command is another process, whatever its id."""
    ours = processes.record("azurite", sleeper.pid, SLEEP)
    processes.save(tmp_path, [msgspec.structs.replace(ours, **difference)])
    assert end_leftovers(tmp_path) == [f"azurite (process {sleeper.pid}): does not run any more"]
    assert sleeper.poll() is None


def test_a_damaged_record_is_no_obstacle(tmp_path: Path) -> None:
    """Half a file, as an old crash may have left it, counts as none."""
    (tmp_path / processes.FILE).write_text('[{"name": "ho')
    assert end_leftovers(tmp_path) == []
