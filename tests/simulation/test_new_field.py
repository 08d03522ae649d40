"""The first sync after a deployment that adds a field to people."""

import msgspec
import pytest

from shared.domain.directory import DirectoryUser
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.recipient import Counts
from tests.support.builders import user
from tests.support.world import World


async def test_it_reads_the_directory_and_updates_those_who_have_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although the directory reports no change since the last sync; the next one has nothing to do again."""
    world = World()
    people = [user(number) for number in range(6)]
    directory = await world.tenant("contoso", people, Preferences(mode=Mode.FULL), {"desk": []})
    older = tuple(name for name in DirectoryUser.__struct_fields__ if name != "cost_center")
    with monkeypatch.context() as before:
        before.setattr(
            "shared.domain.snapshots.snapshot.DirectoryUser", type("Older", (), {"__struct_fields__": older})
        )
        await world.sync("contoso", "first")
        for person in people[:2]:  # not a change: the value was there, and was not requested
            directory.people[person.id] = msgspec.structs.replace(person, cost_center="4711")
        assert (await world.sync("contoso", "second")).counts == Counts()
    run = await world.sync("contoso", "third")
    assert run.counts == Counts(updated=2)
    found = {
        recipient.profile.mail: recipient.profile.cost_center for recipient in await world.recipients("contoso", "desk")
    }
    assert found == {person.mail: "4711" if person in people[:2] else None for person in people}
    assert (await world.sync("contoso", "fourth")).counts == Counts()
