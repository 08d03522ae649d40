"""Locations that get the same people are decided once, and come to what each of them would come to alone."""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from io import BytesIO

import msgspec
import pytest

from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.attribute_map import Attributes
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.recipient import Recipient
from shared.domain.reconcile.decide import Decision, decide
from shared.domain.run import Run, RunState
from shared.domain.snapshots import partitions
from shared.runtime.fair_scheduler import cpu_slice
from shared.workflows.snapshots.cache import RecentResults
from shared.workflows.sync import comparison
from tests.support.builders import person, user
from tests.support.world import World, deliver

TENANT = TenantId("contoso")
STAFF, TEMPS = ObjectId("00000000-0000-4000-a000-000000000001"), ObjectId("00000000-0000-4000-a000-000000000002")
#: Three locations of the same people, one of others besides, and one where somebody is known already.
MAPPING: dict[str, Sequence[ObjectId]] = {
    **{key: [STAFF] for key in "abc"},
    "other": [STAFF, TEMPS],
    "known": [STAFF],
}
PREFERENCES = Preferences(allow_directory_to_update_csv=True, attributes=Attributes(manager=True))


async def story(preferences: Preferences) -> tuple[list[Run], dict[str, list[Recipient]]]:
    """Return a first sync and another one of a tenant whose jobs are done at the same time, and the recipients then."""
    world = World()
    everybody = [user(number, manager=person(number // 2)) for number in range(40)]
    directory = await world.tenant("contoso", everybody, preferences, MAPPING)
    directory.members = {
        STAFF: [person(number) for number in range(30)],
        TEMPS: [person(number) for number in range(25, 40)],
    }
    file = BytesIO(b"name,e-mail\nSeven,user7@example.com\n")
    await world.app.import_csv(TENANT, LocationId("known"), file, ImportMode.MERGE, "", by="anna")
    runs = [await _sync(world, "first")]
    directory.put(msgspec.structs.replace(everybody[3], department="Changed"))
    directory.members[STAFF].append(person(35))
    runs.append(await _sync(world, "second"))
    return runs, await world.everything("contoso")


async def _sync(world: World, request: str) -> Run:
    world.clock.advance(60)
    await world.request("contoso", request)
    while world.queue.messages:
        now, world.queue.messages[:] = list(world.queue.messages), []
        await asyncio.gather(*(deliver(world.app, message) for message in now))
    return await world.newest("contoso")


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.GROUPS])
async def test_shared_or_not_it_is_the_same(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recipients and numbers at every location; and those of the same people are decided once."""
    preferences = msgspec.structs.replace(PREFERENCES, mode=mode)
    decided: list[int] = []

    def counted(*arguments: object, **words: object) -> Decision:
        decided[-1] += 1
        return decide(*arguments, **words)  # type: ignore[arg-type]

    async def waiting(self: cpu_slice) -> None:
        await asyncio.sleep(0)  # so that jobs take turns, although nothing here ever waits
        await begin(self)

    begin = cpu_slice.__aenter__
    monkeypatch.setattr(cpu_slice, "__aenter__", waiting)
    monkeypatch.setattr(comparison, "decide", counted)
    monkeypatch.setattr(partitions, "PARTITION_PEOPLE", 4)
    decided.append(0)
    shared_runs, shared = await story(preferences)

    def alone(_self: RecentResults, _key: Hashable, compute: Callable[[], object]) -> object:
        return compute()

    monkeypatch.setattr(RecentResults, "get_or_compute", alone)
    decided.append(0)
    runs, recipients = await story(preferences)
    assert {run.state for run in runs} == {RunState.DONE}
    assert [(run.state, run.counts) for run in shared_runs] == [(run.state, run.counts) for run in runs]
    assert shared == recipients
    assert sum(map(len, recipients.values())) > 150
    assert decided[0] < decided[1]
