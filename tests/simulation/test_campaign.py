"""A campaign of histories: it is stopped, and goes on."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.simulation.engine.campaign import Done, Failure, Histories, Job
from tests.simulation.engine.run import continued

STEP = 50


class Cores:
    """Does jobs without a history: each seed has ten deliveries. It is stopped after some steps."""

    def __init__(self, stopped_after: int = 1_000, failing: int = -1) -> None:
        self.seeds: list[int] = []
        self._left = stopped_after
        self._failing = failing

    def __call__(self, jobs: Sequence[Job]) -> Iterator[Done]:
        """Do jobs."""
        if not self._left:
            raise KeyboardInterrupt
        self._left -= 1
        for job in jobs:
            assert isinstance(job, Histories)
            self.seeds += job.seeds
            failed = [Failure(f"seed {seed}", "I1: wrong") for seed in job.seeds if seed == self._failing]
            yield Done(deliveries=[10 for _ in job.seeds], failed=failed)


def test_a_campaign_that_is_stopped_goes_on(tmp_path: Path) -> None:
    """With the seed after those that it has tried, until it has as many deliveries as are wanted."""
    stored, first, second = tmp_path / "campaign.json", Cores(stopped_after=2), Cores()
    with pytest.raises(KeyboardInterrupt):
        continued(stored, 2_500, first, STEP)
    assert json.loads(stored.read_text())["deliveries"] == 1_000
    state = continued(stored, 2_500, second, STEP)
    assert state == {"next_seed": first.seeds[0] + 250, "histories": 250, "deliveries": 2_500, "failed": []}
    assert [*first.seeds, *second.seeds] == list(range(first.seeds[0], first.seeds[0] + 250))
    assert continued(stored, 2_500, Cores(stopped_after=0), STEP) == state


def test_a_campaign_keeps_what_failed(tmp_path: Path) -> None:
    """Also over later parts of it."""
    stored, cores = tmp_path / "campaign.json", Cores()
    continued(stored, 500, cores, STEP)
    continued(stored, 1_000, Cores(failing=cores.seeds[-1] + 1), STEP)
    state = continued(stored, 1_500, Cores(), STEP)
    assert state["failed"] == [f"seed {cores.seeds[-1] + 1}: I1: wrong"]
    assert state["histories"] == 150
