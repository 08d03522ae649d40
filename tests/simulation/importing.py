"""Large imports in a world: uploaded, worked off, and compared with small ones."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

from shared.bootstrap import App
from shared.domain.ids import LocationId, RunId, TenantId
from shared.domain.imports.import_record import Import, ImportRef
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import Preferences
from shared.domain.run import Run
from shared.errors import Conflict, Transient
from tests.support.world import Crash, World, deliver

CONTOSO, BERLIN = TenantId("contoso"), LocationId("berlin")
#: More deliveries than any import needs; beyond it something goes on for ever.
_MAX_DELIVERIES = 300


def people(first: int, end: int, department: str = "IT") -> bytes:
    """Return a file of people."""
    rows = "".join(f"Person {number},p{number}@example.com,{department}\n" for number in range(first, end))
    return f"name,mail,department\n{rows}".encode()


async def imports_world() -> World:
    """Return a world with one tenant and 250 recipients from a file."""
    world = World()
    await world.tenant("contoso", [], Preferences(), {"berlin": []})
    await large(world, people(0, 250))
    world.clock.advance(60)
    return world


async def uploaded(
    world: World, content: bytes, mode: ImportMode = ImportMode.MERGE, part_bytes: int = 1_000
) -> ImportRef:
    """Send a file in parts, the last one first, and return its import."""
    upload = world.app.upload_import
    ref = (await upload.create(CONTOSO, BERLIN, mode, "anna")).ref
    parts = [content[start : start + part_bytes] for start in range(0, len(content), part_bytes)]
    for number in range(len(parts), 0, -1):
        await upload.put_part(ref, number, parts[number - 1])
    return ref


async def start(world: World, ref: ImportRef, content: bytes, approve: str = "", part_bytes: int = 1_000) -> Run:
    """Start an import, and return its run."""
    return await start_with(world.app, ref, content, approve, part_bytes)


async def start_with(app: App, ref: ImportRef, content: bytes, approve: str = "", part_bytes: int = 1_000) -> Run:
    """Start an import by another process, and return its run."""
    parts = -(-len(content) // part_bytes)
    return await app.upload_import.start(ref, parts, sha256(content).hexdigest(), approve)


async def settle(world: World, app: App | None = None) -> None:
    """Work everything off as a host would; whatever has to wait, or whose worker died, comes back much later."""
    for _ in range(_MAX_DELIVERIES):
        if not world.queue.messages:
            return
        message = world.queue.messages.pop(0)
        try:
            await deliver(app or world.app, message)
        except (Crash, Transient, Conflict):
            world.queue.messages.append(message)
            world.clock.advance(700)
    raise AssertionError("the queues never run empty")


async def large(world: World, content: bytes, mode: ImportMode = ImportMode.MERGE) -> Import:
    """Import a file, and return the import as it ended."""
    ref = await uploaded(world, content, mode)
    await start(world, ref, content)
    await settle(world)
    return await look(world, ref)


async def look(world: World, ref: ImportRef) -> Import:
    """Return an import."""
    return (await world.ports.imports.get(ref)).value


async def seen(world: World, ref: ImportRef) -> dict[str, Any]:
    """Return all that does not depend on time: recipients, the report, what the run says, and what is left of files."""
    found = await look(world, ref)
    run = await world.run(CONTOSO, found.run or RunId(""))
    changes, _ = await world.app.run_history.list_changes(CONTOSO, run.id)
    return {
        "recipients": await world.recipients("contoso", "berlin"),
        "import": (found.state, found.outcome),
        "run": (run.state, run.counts, run.locations, run.problems, run.held_digest),
        "changes": sorted((change.kind, change.recipient or "") for change in changes),
        "parts": await world.ports.imports.list_part_sizes(ref),
    }


class Interrupting:
    """A port that does something else before the n-th call of a method."""

    def __init__(self, port: object, method: str, calls: int, action: Callable[[], Awaitable[None]]) -> None:
        self._port = port
        self._method = method
        self._left = calls
        self._action = action

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands for any port
        found = getattr(self._port, name)
        return self._interrupted(found) if name == self._method else found

    def _interrupted(self, method: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        async def call(*args: object, **words: object) -> object:
            self._left -= 1
            if self._left == 0:
                await self._action()
            return await method(*args, **words)

        return call
