"""A part of a file that is stored while its import is started, ends, or is deleted: its sender is told."""

import dataclasses

import pytest

from shared.bootstrap import App
from shared.domain.imports.import_record import ImportState
from shared.errors import Conflict
from tests.simulation.importing import Interrupting, imports_world, look, people, settle, start, uploaded
from tests.support.world import SETTINGS

FILE = people(0, 20, "HR")


@pytest.mark.parametrize("ends", [False, True], ids=["started", "ended"])
async def test_a_part_that_comes_after_the_start_is_refused(*, ends: bool) -> None:
    """Its sender does not read that it was stored; nothing of it is left when the import has ended."""
    world = await imports_world()
    ref = await uploaded(world, FILE)

    async def begin() -> None:
        await start(world, ref, FILE)
        if ends:
            await settle(world)

    late = App(
        dataclasses.replace(world.ports, imports=Interrupting(world.ports.imports, "put_part", 1, begin)),
        SETTINGS,
    )
    with pytest.raises(Conflict) as refused:
        await late.upload_import.put_part(ref, 1, b"name,mail,department\nOther,other@example.com,IT\n")
    assert refused.value.code == "import_started"
    assert "came late" in str(refused.value)
    await settle(world)
    found = await look(world, ref)
    assert found.outcome is not None
    if ends:
        assert found.state is ImportState.DONE
    else:
        assert (found.state, found.outcome.problem and found.outcome.problem.code) == (
            ImportState.FAILED,
            "sha256_mismatch",
        )
    assert await world.ports.imports.list_part_sizes(ref) == {}
    assert {recipient.profile.mail for recipient in await world.recipients("contoso", "berlin")}.isdisjoint(
        {"other@example.com"}
    )
