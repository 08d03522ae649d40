"""Every queue is named once, probed and documented; every trigger is priced, and there are few of them."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from function_app import app
from infra.capacity.cost.month import idle_polls
from infra.capacity.figures import assumptions
from shared.adapters.health_probe import DeployedProbes
from shared.bootstrap import App
from shared.domain.sync.jobs import ALL_QUEUES, POISON_SUFFIX, QUEUES
from shared.telemetry import RequestCounters
from shared.triggers import queues
from tests.support.fakes import FakeJobQueue, fake_ports
from tests.support.world import SETTINGS

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


def test_every_queue_of_jobs_has_one_trigger(triggers: list[str]) -> None:
    """Poison queues have none: the watchdog empties them."""
    assert sorted(triggers) == sorted(QUEUES)


async def test_the_watchdog_empties_every_poison_queue() -> None:
    """What is in them ends a run."""
    ports = fake_ports()
    assert isinstance(ports.queue, FakeJobQueue)
    ports.queue.poison = {queue: ["garbage"] for queue in QUEUES}
    await App(ports, SETTINGS).dead_letters.collect(RequestCounters())
    assert ports.queue.poison == {queue: [] for queue in QUEUES}
    assert {f"{queue}{POISON_SUFFIX}" for queue in QUEUES} | set(QUEUES) == set(ALL_QUEUES)


def test_there_are_seven_scale_groups() -> None:
    """HTTP functions share one; each other function starts cold, polls and is made redundant on its own."""
    functions: list[Any] = [builder._function for builder in app._function_builders]
    kinds = Counter(function.get_trigger().type for function in functions)
    assert kinds.pop("httpTrigger") > 1
    assert kinds == {"queueTrigger": 4, "timerTrigger": 2}


def test_every_queue_is_probed() -> None:
    """`doctor` shows the depth of each, poison queues included."""
    nothing: Any = None
    depths: Any = Depths()
    probes = DeployedProbes(nothing, nothing, depths, nothing)
    assert sorted(asyncio.run(probes.queues())) == sorted(ALL_QUEUES)


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize("page", ["reference/stored-data.md", "explanation/architecture.md"])
def test_every_queue_is_documented(queue: str, page: str) -> None:
    """With what its messages contain, and with what they start."""
    assert f"`{queue}` |" in (ROOT / "docs" / page).read_text("utf-8")


def test_every_queue_is_priced(triggers: list[str]) -> None:
    """Each trigger polls, whether or not there are messages, and the watchdog looks into each poison queue."""
    assumed = assumptions()
    per_day = 86_400 / assumed.queues.polling_interval_s + assumed.month.watchdogs_per_day
    assert idle_polls(assumed) == pytest.approx(len(triggers) * assumed.month.days * per_day)


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_is_named_once(queue: str) -> None:
    """On the type of its jobs; every other file reads it from there."""
    files = [path for folder in ("shared", "infra") for path in sorted((ROOT / folder).rglob("*.py"))]
    stating = [path.relative_to(ROOT).as_posix() for path in files if f'"{queue}' in path.read_text("utf-8")]
    assert stating == ["shared/domain/sync/jobs.py"]
