"""What a tenant does in a round: syncs of a directory, and imports of files. The twin does the same without faults."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from infra.local.demo.api import ApiError
from infra.local.demo.simulator import Simulator
from tests.chaos.client import PatientApi

DIRECTORY: Final = "academy"
#: Locations of a tenant. In groups mode, the first has the people of both groups, and the second those of one.
LOCATIONS: Final = ("hall", "desk")
#: The location into which files are imported.
IMPORTS_TO: Final = "hall"
#: Size of the parts of a file, in bytes.
_PART: Final = 2 * 1024 * 1024
#: How often a customer repeats what has failed.
_TRIES: Final = 4
#: One of this number of people leaves the file, and one changes.
_LEAVES, _CHANGES = 100, 7
#: Most people who leave the directory, and who change in it.
_MOST: Final = 40


class NeverDone(Exception):
    """A sync or an import failed as often as a customer would try."""


@dataclass(slots=True)
class Work:
    """The work of one tenant."""

    tenant: str
    api: PatientApi
    recipients: int
    #: Syncs and imports that ended otherwise than done, and were repeated.
    repeated: int = 0

    async def onboard(self, credentials: dict[str, Any], *, full: bool) -> None:
        """Create the tenant, in full mode with one location, or in groups mode with two."""
        groups = [group["id"] for group in credentials["groups"]]
        mapping = {} if full else {LOCATIONS[0]: groups, LOCATIONS[1]: groups[1:]}
        await self.api.onboard(
            self.tenant,
            preferences={"mode": "full" if full else "groups"},
            locations=LOCATIONS[:1] if full else LOCATIONS,
            mapping=mapping,
            directory=credentials,
        )

    async def sync(self) -> None:
        """Sync until a run has read and written everything. Raises NeverDone."""
        for _ in range(_TRIES):
            started = await self.api.sync(self.tenant)
            ended = await self._ended(started)
            if ended["state"] == "done" and not ended["problems"]:
                return
            self.repeated += 1
        raise NeverDone(f"sync of {self.tenant}: {ended['state']}, {ended['problems']}")

    async def import_file(self, version: int) -> None:
        """Import a file with as many people as the directory has, until it is done. Raises NeverDone."""
        file = b"".join(_lines(self.recipients, version))
        for _ in range(_TRIES):
            path = f"/tenants/{self.tenant}/locations/{IMPORTS_TO}/imports"
            created = await self.api.call("POST", f"{path}?mode=overwrite")
            path = f"{path}/{created['id']}"
            parts = range(0, len(file), _PART)
            for number, start in enumerate(parts, start=1):
                await self.api.put_file(f"{path}/parts/{number}", file[start : start + _PART])
            await self._start(path, len(parts), file)
            await self._ended((await self.api.call("GET", path))["run"])
            found = await self.api.call("GET", path)
            if found["state"] in {"done", "working"}:  # the run ends before the import does
                return
            self.repeated += 1
        raise NeverDone(f"import of {self.tenant}: {found}")

    async def _start(self, path: str, parts: int, file: bytes) -> None:
        try:
            await self.api.call("POST", f"{path}/start", {"parts": parts, "sha256": sha256(file).hexdigest()})
        except ApiError as error:
            if error.problem.get("code") != "import_ended":  # the answer to the first request was lost
                raise

    async def _ended(self, run: str) -> dict[str, Any]:
        async for now in self.api.follow(self.tenant, run):
            last = now
        return last


async def found_directory(simulator: Simulator, users: int) -> dict[str, Any]:
    """Create the directory, and return its credentials. It is the same every time."""
    plan = {"name": DIRECTORY, "users": users, "groups": 2, "group_size": max(1, users * 2 // 3)}
    await simulator.call("POST", "/directories", plan)
    described: dict[str, Any] = await simulator.call("GET", f"/directories/{DIRECTORY}")
    return described


async def change_directory(simulator: Simulator, users: int) -> None:
    """Let people join, leave, and change. People of each kind are few enough for the guard."""
    few = min(_MOST, max(1, users // _LEAVES))
    groups = await simulator.groups(DIRECTORY)
    people = await simulator.people(DIRECTORY, 4 * few)
    for number in range(few):
        await simulator.join(DIRECTORY, f"New Colleague {number}", groups[number % len(groups)])
        await simulator.leave(DIRECTORY, people[4 * number])
        await simulator.change(DIRECTORY, people[4 * number + 1], displayName=f"Renamed {number}")
        await simulator.change(DIRECTORY, people[4 * number + 2], department=f"Moved {number}")


def _lines(people: int, version: int) -> Iterator[bytes]:
    """Yield a file. In the second version, some have left, some have changed, and some are new."""
    yield b"name;mail;department;office\n"
    for number in range(people + people // _LEAVES):
        gone = number < people and number % _LEAVES == 0 and version > 1
        new = number >= people and version == 1
        if gone or new:
            continue
        department = f"Department {number % 40}" if version == 1 or number % _CHANGES else "Moved"
        yield f"Visitor {number};v{number}@visitors.example;{department};Room {number % 900}\n".encode()
