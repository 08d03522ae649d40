"""Histories of several concurrent workers, with faults, against the invariants.

`HISTORIES` in the environment asks for more of them. `python -m tests.simulation.engine --seed N` repeats one that
fails, with as few faults as it fails with.
"""

import os

import pytest

from shared.domain.run import RunState
from shared.workflows.recipients.fenced_writer import FencedWriter
from tests.simulation.engine import points, sometimes
from tests.simulation.engine.cluster import TENANTS
from tests.simulation.engine.faults import Fault, RandomFaults
from tests.simulation.engine.history import ACTIONS, History, simulate

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
    """Nor after more than 300 deliveries, which nearly every history of 240 actions has."""
    for seed in range(10):
        outcome = simulate(seed, 240)
        assert not outcome.violations
        if outcome.deliveries >= 300:
            return
    raise AssertionError("no history is long")


def test_a_seed_repeats_its_history() -> None:
    """Step by step."""
    first, second = simulate(7), simulate(7)
    assert first.trace == second.trace
    assert first.faults == second.faults
    assert first.counts


def test_every_kind_of_fault_happens() -> None:
    """In a few histories together."""
    happened: set[str] = set()
    for seed in range(20):
        happened |= set(simulate(seed).faults.values())
    assert happened == {str(fault) for fault in Fault}


def test_without_faults_every_run_is_done() -> None:
    """And nothing is left."""
    history = History(3, RandomFaults(3, 0), ACTIONS)
    assert history.finish().violations == []
    states = {run.state for tenant in TENANTS for run in history.runs(tenant)}
    assert states <= {RunState.DONE, RunState.HELD, RunState.SUPERSEDED, RunState.FAILED}
    assert RunState.DONE in states


@pytest.mark.parametrize("operation", points.OPERATIONS, ids=lambda operation: operation.name)
def test_the_first_points_of_an_operation(operation: points.Operation) -> None:
    """`make simulate` visits all of them."""
    visits = points.visit(operation, Fault.RETRIED)
    found = [visit for _, visit in zip(range(5), visits, strict=False)]
    assert [visit.number for visit in found] == list(range(len(found)))
    assert found
    assert [violation for visit in found for violation in visit.violations] == []


def test_writers_without_a_fence_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that takes the fence of a newer run is seen by an invariant, within a few histories."""
    acquire = FencedWriter.acquire

    async def careless(recipients, tenant, location, *, fencing_token, attempt):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - passed on
        fence = (await recipients.get_fence(tenant, location)).value
        return await acquire(
            recipients, tenant, location, fencing_token=max(fencing_token, fence.fencing_token), attempt=attempt
        )

    monkeypatch.setattr(FencedWriter, "acquire", careless)
    assert any(simulate(seed, 30).violations for seed in range(200))


def test_rare_branches_are_listed_from_the_code() -> None:
    """Among them the handlers of lost races."""
    found = sometimes.points()
    assert len(found) > 40
    assert any(name.endswith("watchdog.py") for name, _ in found)
    with (watcher := sometimes.Reached()).watching():
        simulate(0)
    assert watcher.points <= set(found)
    assert watcher.points
