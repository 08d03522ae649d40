"""`make up` with all its real parts, as a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.stack import processes, readiness
from infra.local.stack.child import ROOT
from infra.local.stack.local_stack import FILE
from infra.local.stack.ports import free_ports, is_free
from infra.local.stack.programs import HostUnavailable, host_part
from tests.integration.local_stack.stubs import gone

KEYS = {
    "api", "host", "key", "login", "graph", "simulator_admin", "key_vault", "tables", "queues", "connection_string",
    "ca", "directories", "pids",
}  # fmt: skip

Up = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """Starts it in a directory of its own; what still runs at the end is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(**environment: str) -> subprocess.Popen[str]:
        base = str(free_block())
        process = subprocess.Popen(  # noqa: S603 - this interpreter
            [sys.executable, "-m", "infra.local.stack.up", "--directory", str(tmp_path)],
            cwd=ROOT,
            env={**os.environ, "SCALE": "small", "PORT_BASE": base, "HOST": "local", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=30)


def free_block(length: int = 8) -> int:
    """Return the first of a block of successive free ports."""
    while True:
        base = free_ports(1)[0]
        if base + length < 65_535 and all(is_free(port) for port in range(base, base + length)):
            return base


def running(process: "subprocess.Popen[str]", directory: Path) -> dict[str, Any]:
    """What `stack.json` says once the stack has announced itself."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Running"):
            content: dict[str, Any] = json.loads((directory / FILE).read_text())
            return content
    assert process.stderr is not None
    pytest.fail(f"the stack did not start: {process.stderr.read()}")


def test_stack_json_tells_what_a_client_needs_and_sigterm_ends_everything(up: Up, tmp_path: Path) -> None:
    """The API answers at the address given; after SIGTERM nothing runs and no address is left behind."""
    process = up()
    stack = running(process, tmp_path)
    assert set(stack) == KEYS
    assert {"contoso", "fabrikam", "adatum"} <= set(stack["directories"])
    identity = {"azure_tenant_id", "application_id", "object_id", "client_secret"}
    assert identity <= set(stack["directories"]["contoso"])
    health = readiness.get(f"{stack['api']}/health", headers={"x-functions-key": stack["key"]})
    assert health is not None
    assert health.status == 200
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0

    second = up()
    assert second.wait(timeout=30) == 1
    assert second.stderr is not None
    assert second.stderr.read().startswith(f"A stack is already running here (process {process.pid})")

    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=40) == 0
    assert all(gone(pid) for pid in stack["pids"].values())
    assert not (tmp_path / FILE).exists()


def test_the_death_of_a_part_ends_the_stack(up: Up, tmp_path: Path) -> None:
    """The sentence names the part, the others end, and the exit code tells."""
    process = up()
    pids = running(process, tmp_path)["pids"]
    os.kill(pids["key_vault"], signal.SIGKILL)
    assert process.wait(timeout=40) == 1
    assert process.stderr is not None
    assert process.stderr.read().startswith("key_vault ended with code -9.")
    assert all(gone(pid) for pid in pids.values())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent; others: make down")
def test_a_killed_stack_leaves_nothing_running(up: Up, tmp_path: Path) -> None:
    """Not even Azurite, which is a Node program and knows nothing of its parent; a new stack starts afterwards."""
    process = up()
    pids = running(process, tmp_path)["pids"]
    process.kill()
    assert all(gone(pid) for pid in pids.values())
    assert (tmp_path / processes.FILE).exists()
    running(up(), tmp_path)


def test_a_port_in_use_is_one_sentence(up: Up) -> None:
    """Exit code 1 and the port's number, before anything is started."""
    base = free_block()
    with socket.create_server(("127.0.0.1", base + 2)):
        process = up(PORT_BASE=str(base))
        _, error = process.communicate(timeout=30)
    assert process.returncode == 1
    assert error.startswith(f"Port {base + 2} (queue) of 127.0.0.1 is in use")
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"PATH": ""}, "Node.js was not found on the PATH"),
        ({"SCALE": "huge"}, "Invalid SCALE 'huge': use SCALE=full or SCALE=small."),
        ({"PORT_BASE": "x"}, "Invalid PORT_BASE 'x': use a number"),
    ],
)
def test_what_cannot_start_says_why(up: Up, environment: dict[str, str], sentence: str) -> None:
    """One sentence, exit code 1."""
    process = up(**environment)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 1
    assert error.startswith(sentence)
    assert len(error.splitlines()) == 1


def test_missing_core_tools_are_named() -> None:
    """HOST=func without `func` names what to install. An invalid HOST names the valid values."""
    settings = {"FUNCTIONS_HOST_KEY": "key"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        with pytest.raises(HostUnavailable, match="azure-functions-core-tools@4"):
            host_part(7071, settings, kind="func")
    with pytest.raises(HostUnavailable, match="HOST=local"):
        host_part(7071, settings, kind="docker")


def test_one_process_per_scale_group_is_an_option() -> None:
    """HOST=groups chooses it for the host of this repository. Otherwise all functions share a process."""
    settings = {"FUNCTIONS_HOST_KEY": "key"}
    commands = {kind: host_part(7071, settings, kind=kind).command for kind in ("local", "groups")}
    assert commands["groups"] == [*commands["local"], "--process-per-group"]
