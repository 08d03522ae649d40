"""Another reader in a permanent process. It receives the directory once, and then reads on request."""

import asyncio
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from shared.domain.connections.entra.credentials import ClientSecret
from tests.bench.entra import FOLDER, Directory, certificates

_TAIL_CHARACTERS: Final = 2_000


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One reading of a directory: its result, and its cost by the clocks of the process."""

    wall_s: float
    cpu_s: float
    people: int
    #: Number of memberships of people in groups.
    memberships: int
    groups: int = 0


class Peer:
    """A process that reads."""

    def __init__(self, process: Process, log: Path) -> None:
        self._process = process
        self._log = log

    async def say(self, line: bytes) -> None:
        """Send a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")
        await self._process.stdin.drain()

    async def reading(self) -> Reading:
        """Return one more reading.

        Raises ChildProcessError with the end of its output if the process has ended.
        """
        assert self._process.stdout is not None
        await self.say(b"once more")
        line = await self._process.stdout.readline()
        if not line:
            said = self._log.read_text(encoding="utf-8", errors="replace")[-_TAIL_CHARACTERS:]
            raise ChildProcessError(f"the other reader ended: {said}")
        return msgspec.json.decode(line, type=Reading)


@asynccontextmanager
async def peer(command: Sequence[str], folder: Path, known: Directory) -> AsyncIterator[Peer]:
    """Yield the reader that a command starts, and end it. It trusts the simulator's certificate."""
    assert isinstance(known.credentials.proof, ClientSecret)
    told = {
        "tenant": known.credentials.azure_tenant_id,
        "application": known.credentials.client_id,
        "secret": known.credentials.proof.value,
        "login": known.credentials.endpoints.login,
        "graph": known.credentials.endpoints.graph,
    }
    trusted, log = certificates(), FOLDER / f"{folder.name}-{os.getpid()}.log"
    environment = {"NODE_EXTRA_CA_CERTS": trusted.ca, "SSL_CERT_FILE": trusted.bundle}
    environment["REQUESTS_CA_BUNDLE"] = trusted.bundle
    named = os.environ | {name: str(path) for name, path in environment.items()}
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=named, stdin=PIPE, stdout=PIPE, stderr=errors
        )
    try:
        found = Peer(process, log)
        await found.say(msgspec.json.encode(told))
        yield found
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
