"""Runs of a location that is decided in many parts end as those of one that is decided at once."""

from io import BytesIO

import msgspec
import pytest

from shared.domain.directory import DirectoryUser
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.attribute_map import Attributes
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.recipient import Recipient
from shared.domain.run import Run, RunMode, RunState
from shared.domain.snapshots import partitions
from tests.support.builders import user
from tests.support.world import World

TENANT, HALL = TenantId("contoso"), LocationId("hall")
STAFF, TEMPS = ObjectId("00000000-0000-4000-a000-000000000001"), ObjectId("00000000-0000-4000-a000-000000000002")

_FILE = b"name,e-mail\nOne,p1@example.com\nForty,p36@example.com\nNobody,n@example.com\n"


def spread(number: int) -> DirectoryUser:
    """Return somebody whose id lies elsewhere than the next one's, who reports to another, and shares few addresses."""
    found = user(number, mail=f"p{number % 37}@example.com")
    return msgspec.structs.replace(found, id=_id(number), manager=_id(number // 3))


def _id(number: int) -> ObjectId:
    return ObjectId(f"{number * 61 % 256:02x}000000-0000-4000-8000-{number:012d}")


async def story(preferences: Preferences) -> tuple[list[Run], list[Recipient]]:
    """Return the runs of a first sync, of one after many changes, and of a full one; and the recipients then."""
    world = World()
    directory = await world.tenant("contoso", [spread(number) for number in range(60)], preferences, {"hall": [STAFF]})
    directory.members = {STAFF: [_id(number) for number in range(50)]}
    await world.app.import_csv(TENANT, HALL, BytesIO(_FILE), ImportMode.MERGE, "", by="anna")
    runs = [await world.sync("contoso", "first")]
    for number in range(0, 12, 3):
        directory.remove(_id(number))
    for number in range(20, 40, 5):
        directory.put(msgspec.structs.replace(spread(number), department="Changed"))
    directory.put(*(spread(number) for number in range(60, 70)))
    directory.members = {STAFF: [_id(number) for number in range(5, 70)]}
    runs.append(await world.sync("contoso", "second"))
    runs.append(await world.sync("contoso", "third", RunMode.FULL))
    return runs, await world.recipients("contoso", "hall")


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.GROUPS])
async def test_cut_or_not_it_is_the_same(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recipients, numbers and problems; with managers, people of one address, and recipients from a file."""
    preferences = Preferences(
        mode=mode,
        allow_directory_to_update_csv=True,
        attributes=Attributes(manager=True),
        guard=GuardLimits(max_share=1, max_people=1_000, small_max_share=1),
    )
    expected, recipients = await story(preferences)
    assert {run.state for run in expected} == {RunState.DONE}
    assert sum(run.counts.deactivated for run in expected) > 0
    for people in (1, 4):
        monkeypatch.setattr(partitions, "PARTITION_PEOPLE", people)
        found, cut = await story(preferences)
        assert cut == recipients
        assert [(run.state, run.counts, run.problems) for run in found] == [
            (run.state, run.counts, run.problems) for run in expected
        ]
