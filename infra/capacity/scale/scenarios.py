"""Scenarios of docs/performance/scale.md with their bounds and simulations, and the tables of the page."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Final

from infra.capacity.figures import RUNS, Assumptions, Measured
from infra.capacity.scale.bounds import bounds
from infra.capacity.scale.limits import IN_FLIGHT, INSTANCE_BYTES, Limits
from infra.capacity.scale.load import TenantRun, run_of
from infra.capacity.scale.simulation import Outcome, Simulation
from shared.workflows.sync.reconcile import LARGE_AT_ONCE, LARGE_PEOPLE, PLACE_PEOPLE

#: Durations from this many seconds on are shown without decimals.
_WHOLE_SECONDS_FROM: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One click or one tick of the schedule that starts runs of one kind for tenants of one size."""

    customers: int = 1
    people: int
    locations: int = 10
    run: str
    #: Whether one run is requested through the API, and whether an instance for it runs already.
    click: bool = False
    warm: bool = True
    limits: Limits = field(default_factory=Limits)
    #: Settings that differ from the default, as the page shows them.
    changed: str = ""

    def runs(self, measured: Measured) -> Sequence[TenantRun]:
        """Return the runs. They share the same job objects."""
        one = run_of(measured, self.run, people=self.people, locations=self.locations, click=self.click)
        return [replace(one, tenant=number) for number in range(self.customers)]

    def simulated(self, measured: Measured, assumed: Assumptions) -> Outcome:
        """Return the outcome of the simulation."""
        simulation, runs = Simulation(self.limits, assumed.delays, assumed.scaling), self.runs(measured)
        return simulation.click(runs[0], warm=self.warm) if self.click else simulation.run(runs)

    def bounded(self, measured: Measured, assumed: Assumptions) -> dict[str, float]:
        """Return the lower bound of each limit, in seconds."""
        return bounds(self.runs(measured), self.limits, assumed.delays)


SIZES = (10_000, 100_000, 1_000_000)
ONE = (
    *(Scenario(people=people, run=run, click=True) for people in SIZES for run in RUNS),
    *(Scenario(people=10_000, run=run, click=True, warm=False, changed="API cold") for run in RUNS),
)
MANY = (
    Scenario(customers=1_000, people=10_000, run="first"),
    *(Scenario(customers=10_000, people=10_000, run=run) for run in ("unchanged", "changed", "full")),
)
#: Settings that an operator can change, and their effect.
REMEDIES = (
    Scenario(customers=10_000, people=10_000, run="full", changed="400 instances", limits=Limits(instances=400)),
    Scenario(customers=10_000, people=10_000, run="changed", changed="400 instances", limits=Limits(instances=400)),
    Scenario(
        customers=10_000,
        people=10_000,
        run="changed",
        changed="400 instances, 4 accounts",
        limits=Limits(instances=400, accounts=4),
    ),
    Scenario(customers=1_000, people=10_000, run="first", changed="4 accounts", limits=Limits(accounts=4)),
    Scenario(people=1_000_000, run="first", changed="one location", locations=1),
    Scenario(people=1_000_000, run="first", changed="JOB_BUDGET_S 600", limits=Limits(job_s=0.6 * 600)),
)


def billed_s(measured: Measured, assumed: Assumptions, run: str) -> float:
    """Return the billed instance-seconds of a tick at which all tenants have a run of this kind."""
    scenario = Scenario(customers=assumed.month.tenants, people=measured.customer.people, run=run)
    return scenario.simulated(measured, assumed).billed_s


def page(measured: Measured, assumed: Assumptions) -> str:
    """Return the tables of docs/performance/scale.md."""
    tables = [
        ("### One customer, from a click", ONE),
        ("### Many customers at the same tick", MANY),
        ("### What changes when the operator changes something", REMEDIES),
    ]
    parts = [f"{title}\n\n{_table(measured, assumed, rows)}" for title, rows in tables]
    return "\n".join([*parts, f"### Memory\n\n{_memory(measured)}"])


def _table(measured: Measured, assumed: Assumptions, scenarios: Sequence[Scenario]) -> str:
    lines = [
        "| customers | people each | run | set | at least | by | simulated | instances | most used |",
        "| ---: | ---: | --- | --- | ---: | --- | ---: | ---: | --- |",
    ]
    for scenario in scenarios:
        least = scenario.bounded(measured, assumed)
        binding = max(least, key=lambda name: least[name])
        outcome = scenario.simulated(measured, assumed)
        most = max(outcome.used, key=lambda name: outcome.used[name])
        simulated = f"not within {_span(outcome.seconds)}" if outcome.unfinished else _span(outcome.seconds)
        lines.append(
            f"| {scenario.customers:,} | {scenario.people:,} | {scenario.run} | {scenario.changed} "
            f"| {_span(least[binding])} | {binding} | {simulated} | {outcome.instances} "
            f"| {most}, {outcome.used[most]:.0%} |"
        )
    return "\n".join(lines) + "\n"


def _memory(measured: Measured) -> str:
    lines = [
        f"| people | reconcile job | concurrent jobs | sum | fetch with changes | of {INSTANCE_BYTES >> 20:,} MB |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for people in SIZES:
        counts = measured.counts_for(people)
        size = people / counts.people
        reconcile, fetch = counts.peak_bytes["reconcile"] * size, counts.peak_bytes["fetch"] * size
        places = min(LARGE_AT_ONCE, ceil(people / PLACE_PEOPLE))
        concurrent = LARGE_AT_ONCE // places if people >= LARGE_PEOPLE else IN_FLIGHT
        together = reconcile * concurrent
        lines.append(
            f"| {people:,} | {reconcile / 2**20:,.0f} MB | {concurrent} | {together / 2**20:,.0f} MB "
            f"| {fetch / 2**20:,.0f} MB | {together / INSTANCE_BYTES:.0%} |"
        )
    return "\n".join(lines) + "\n"


def _span(seconds: float) -> str:
    if seconds >= 3 * 3_600:
        return f"{seconds / 3_600:.1f} h"
    return f"{seconds:,.0f} s" if seconds >= _WHOLE_SECONDS_FROM else f"{seconds:.1f} s"
