"""Every queue that has a trigger is named once, probed, documented and priced."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from infra.capacity.cost.month import idle_polls
from infra.capacity.figures import assumptions
from shared.adapters.health_probe import DeployedProbes
from shared.domain.sync.jobs import ALL_QUEUES, QUEUES
from shared.triggers import queues

ROOT = Path(__file__).parents[2]


class Depths:
    """Queues that are empty."""

    async def depth(self, name: str) -> int:
        """Return 0 for a queue that exists."""
        assert name in ALL_QUEUES
        return 0


@pytest.fixture(scope="module")
def triggers() -> list[str]:
    """Return the queues that functions are triggered by."""
    functions: list[Any] = [builder._function for builder in queues.bp._function_builders]
    return [function.get_trigger().queue_name for function in functions]


def test_every_queue_has_one_trigger(triggers: list[str]) -> None:
    """Poison queues included: what is in them ends a run."""
    assert sorted(triggers) == sorted(ALL_QUEUES)


def test_every_queue_is_probed(triggers: list[str]) -> None:
    """`doctor` shows the depth of each."""
    nothing: Any = None
    depths: Any = Depths()
    probes = DeployedProbes(nothing, nothing, depths, nothing)
    assert sorted(asyncio.run(probes.queues())) == sorted(triggers)


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize("page", ["reference/stored-data.md", "explanation/architecture.md"])
def test_every_queue_is_documented(queue: str, page: str) -> None:
    """With what its messages contain, and with what they start."""
    assert f"`{queue}` |" in (ROOT / "docs" / page).read_text("utf-8")


def test_every_queue_is_priced(triggers: list[str]) -> None:
    """Each trigger polls, whether or not there are messages."""
    assumed = assumptions()
    polls = assumed.month.days * 86_400 / assumed.queues.polling_interval_s
    assert idle_polls(assumed) == pytest.approx(len(triggers) * polls)


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_is_named_once(queue: str) -> None:
    """On the type of its jobs; every other file reads it from there."""
    files = [path for folder in ("shared", "infra") for path in sorted((ROOT / folder).rglob("*.py"))]
    stating = [path.relative_to(ROOT).as_posix() for path in files if f'"{queue}' in path.read_text("utf-8")]
    assert stating == ["shared/domain/sync/jobs.py"]
