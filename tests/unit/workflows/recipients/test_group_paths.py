"""Through which groups somebody is in the mapped ones."""

import pytest

from shared.domain.ids import ObjectId
from shared.workflows.recipients import group_paths
from shared.workflows.recipients.group_paths import shortest_paths
from tests.support.builders import person, user
from tests.support.fakes import FakeDirectory


def group(number: int) -> ObjectId:
    """Return the id of the n-th group."""
    return person(100 + number)


def directory(**members: list[ObjectId]) -> FakeDirectory:
    """Return a directory with one user, and groups `g0`, `g1`, ... with these members."""
    found = FakeDirectory()
    found.put(user(1))
    found.members = {group(int(name.removeprefix("g"))): inside for name, inside in members.items()}
    return found


async def ways(found: FakeDirectory, *mapped: int) -> dict[int, list[int]]:
    """Return the paths by the numbers of the groups."""
    told = await shortest_paths(found, person(1), {group(number) for number in mapped})
    return {int(top[-3:]) - 100: [int(step.id[-3:]) - 100 for step in steps] for top, steps in told.items()}


async def test_a_way_leads_from_the_mapped_group_down() -> None:
    """Directly, through others, and not at all."""
    nested = directory(g0=[person(1)], g1=[group(0)], g2=[group(1), person(1)], g3=[group(1)], g4=[])
    assert await ways(nested, 0, 2, 3, 4) == {0: [0], 2: [2], 3: [3, 1, 0]}


async def test_groups_within_one_another_are_walked_once() -> None:
    """A cycle ends, and is no way."""
    cycle = directory(g0=[person(1), group(2)], g1=[group(0)], g2=[group(1)])
    assert await ways(cycle, 2, 9) == {2: [2, 1, 0]}
    assert cycle.requests == 4


async def test_what_is_too_far_away_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bounded number of questions."""
    monkeypatch.setattr(group_paths, "_MAX_LOOKUPS", 3)
    chain = directory(g0=[person(1)], **{f"g{number}": [group(number - 1)] for number in range(1, 9)})
    assert await ways(chain, 3, 8) == {3: [3, 2, 1, 0]}
    assert chain.requests == 4
