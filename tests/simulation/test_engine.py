"""Histories of several concurrent workers, with faults, against the invariants.

`HISTORIES` in the environment asks for more of them. `python -m tests.simulation.engine --seed N` repeats one that
fails, with as few faults as it fails with.
"""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.domain.access.tenant_context import TenantContext
from shared.domain.run import Plan, RunState
from shared.workflows.sync.stages import StageCoordinator
from tests.simulation.engine import points, scenarios, seeds
from tests.simulation.engine.cluster import TENANTS
from tests.simulation.engine.faults import Fault, RandomFaults
from tests.simulation.engine.history import MIN_DELIVERIES, History, simulate
from tests.simulation.engine.play import Scenario, name_of, play
from tests.simulation.engine.run import INVARIANT

ROOT = Path(__file__).parents[2]
#: Number of points of an operation that are visited here.
_VISITED = 12
#: Number of histories in one test.
_IN_A_TEST = 20
_HISTORIES = int(os.environ.get("HISTORIES", "500"))


@pytest.mark.parametrize("first", range(0, _HISTORIES, _IN_A_TEST))
def test_histories(first: int) -> None:
    """No invariant is violated, whatever fails."""
    for seed in range(first, first + _IN_A_TEST):
        outcome = simulate(seed)
        assert not outcome.violations, f"seed {seed}"


def test_a_long_history() -> None:
    """Nor after more than 300 deliveries."""
    outcome = simulate(0, 310)
    assert outcome.deliveries >= 300
    assert not outcome.violations


def test_a_seed_repeats_its_history() -> None:
    """Step by step."""
    first, second = simulate(7), simulate(7)
    assert first.trace == second.trace
    assert first.faults == second.faults
    assert first.counts


def test_every_kind_of_fault_happens() -> None:
    """In a few histories together."""
    happened: set[str] = set()
    for seed in range(40):
        happened |= set(simulate(seed).faults.values())
    assert happened == {str(fault) for fault in Fault}


def test_without_faults_every_run_is_done() -> None:
    """And nothing is left."""
    history = History(3, RandomFaults(3, 0), MIN_DELIVERIES)
    assert history.finish().violations == []
    states = {run.state for tenant in TENANTS for run in history.stage.runs(tenant)}
    assert states <= {RunState.DONE, RunState.HELD, RunState.SUPERSEDED, RunState.FAILED}
    assert RunState.DONE in states


@pytest.mark.parametrize("scenario", scenarios.ALL, ids=name_of)
def test_scenarios(scenario: Scenario) -> None:
    """Scripted histories, in which everything happens that the script names."""
    assert play(scenario).violations == []


@pytest.mark.parametrize("operation", points.OPERATIONS, ids=lambda operation: operation.name)
def test_the_points_of_an_operation(operation: points.Operation) -> None:
    """Some of each kind: `make simulate` visits all of them."""
    undisturbed, found = points.recorded(operation)
    assert undisturbed.violations == []
    assert {point.fault for point in found} == {*points.CRASHES, *points.LOST_ANSWERS}
    for point in found[:: len(found) // _VISITED]:
        outcome, visited = points.visit(point)
        assert visited, point
        assert outcome.violations == [], point


def test_a_point_that_does_not_exist_is_not_visited() -> None:
    """So that fewer points can be visited than were counted."""
    _, found = points.recorded(points.OPERATIONS[0])
    beyond = dataclasses.replace(found[0], number=len(found))
    other = dataclasses.replace(found[0], label="another call")
    assert [points.visit(point)[1] for point in (found[0], beyond, other)] == [True, False, False]


@pytest.mark.parametrize(("seed", "deliveries"), [(0, MIN_DELIVERIES), *seeds.kept()])
def test_seeds_that_have_failed(seed: int, deliveries: int) -> None:
    """They are kept, and fail no more."""
    assert simulate(seed, deliveries).violations == []


def test_a_run_that_goes_on_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that goes on although its run has lost the tenant is seen by an invariant, within a few histories."""

    async def careless(stages: StageCoordinator, plan: Plan) -> TenantContext:
        return await stages.tenants.get_context(plan.tenant)

    monkeypatch.setattr(StageCoordinator, "require_current", careless)
    found = (violation for seed in range(200) for violation in simulate(seed).violations)
    assert any(INVARIANT.match(violation) for violation in found)


def test_rare_branches_are_listed_from_the_code() -> None:
    """Among them the handlers of lost races. A process of its own notes which of them run."""
    program = (
        "from tests.simulation.engine.process import begin\n"
        "begin()\n"
        "from tests.simulation.engine import sometimes\n"
        "from tests.simulation.engine.history import simulate\n"
        "for seed in range(5): simulate(seed)\n"
        "points = set(sometimes.points())\n"
        "print(len(points), len(sometimes.REACHED), sometimes.REACHED <= points)\n"
    )
    command = [sys.executable, "-c", program]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - from here
    listed, reached, known = found.stdout.split()
    assert int(listed) > 100
    assert int(reached) > 0
    assert known == "True"
