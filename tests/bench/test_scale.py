"""docs/performance/scale.md shows what the simulation gives, and the simulation never beats a bound."""

import random

import pytest

from infra.capacity.figures import Delays, Measured, Scaling, assumptions, measured
from infra.capacity.generated_section import is_current
from infra.capacity.scale.bounds import bounds
from infra.capacity.scale.limits import BATCH_PEOPLE, BATCH_ROWS, Limits
from infra.capacity.scale.load import STAGES, Job, TenantRun, run_of
from infra.capacity.scale.resources import Instance
from infra.capacity.scale.scenarios import ONE, Scenario, page
from infra.capacity.scale.simulation import Simulation
from infra.local.stack.child import ROOT

NO_DELAYS = Delays(table_request_s=0, graph_request_s=0, queue_pickup_s=0.001, instance_start_s=0)
AT_ONCE = Scaling(messages_per_instance=1, instances_per_decision=100, decision_every_s=0.01)
NOTHING = Job(function="", cpu_s=0, requests=0, directory_requests=0, graph_units=0, vault_reads=0, rows=0)


def job(function: str, **words: float) -> Job:
    """Return a job that does nothing but what is said."""
    return Job(**{name: getattr(NOTHING, name) for name in Job.__slots__} | words | {"function": function})


def run(tenant: int = 0, locations: int = 1, **words: float) -> TenantRun:
    """Return a run whose locations do what is said, and whose other jobs do nothing."""
    stages = [
        (job(name, **words),) * locations if stage == "reconcile" else (job(name),) for stage, name in STAGES.items()
    ]
    return TenantRun(tenant=tenant, stages=tuple(stages))


def test_the_page_shows_what_is_simulated() -> None:
    """A number that was changed by hand, or not after its source, is found."""
    text = page(measured(), assumptions())
    assert is_current(ROOT / "docs" / "performance" / "scale.md", text), "run `python -m infra.capacity.scale --write`"


@pytest.mark.parametrize("scenario", ONE, ids=lambda each: f"{each.run}-{each.people}")
def test_no_scenario_beats_its_bounds(scenario: Scenario) -> None:
    """What the page calls `at least` is not more than what is simulated."""
    least = scenario.bounded(measured(), assumptions())
    assert scenario.simulated(measured(), assumptions()).seconds >= max(least.values())


@pytest.mark.parametrize("seed", range(30))
def test_nothing_beats_its_bounds(seed: int) -> None:
    """For any load, limits and delays."""
    chosen = random.Random(seed)
    limits = Limits(
        partition_rows_s=chosen.choice([50, 2_000]),
        account_rows_s=chosen.choice([100, 20_000]),
        accounts=chosen.choice([1, 3]),
        queue_messages_s=chosen.choice([1, 2_000]),
        graph_units_s=chosen.choice([5, 800]),
        vault_reads_s=chosen.choice([1, 400]),
        instances=chosen.choice([4, 100]),
        in_flight=chosen.choice([1, 12]),
        job_s=chosen.choice([5, 72]),
        deadline_s=1e9,
    )
    delays = Delays(
        table_request_s=chosen.choice([0.001, 0.1]), graph_request_s=0.5, queue_pickup_s=1, instance_start_s=5
    )
    stages = tuple(
        tuple(_any(chosen, name) for _ in range(chosen.randint(1, 6) if stage == "reconcile" else 1))
        for stage, name in STAGES.items()
    )
    runs = [TenantRun(tenant=number, stages=stages) for number in range(chosen.randint(1, 20))]
    outcome = Simulation(limits, delays, assumptions().scaling).run(runs)
    assert outcome.unfinished == 0
    assert outcome.seconds >= max(bounds(runs, limits, delays).values())
    assert all(share <= 1 for share in outcome.used.values()), outcome.used


def _any(chosen: random.Random, function: str) -> Job:
    people = chosen.choice([0, 0, 300, 5_000]) if function == "reconcile" else 0
    return job(
        function,
        cpu_s=chosen.uniform(0, 3),
        requests=chosen.uniform(0, 200),
        directory_requests=chosen.uniform(0, 20),
        graph_units=chosen.uniform(0, 50),
        vault_reads=chosen.choice([0, 1]),
        rows=chosen.uniform(0, 100),
        people=people,
        person_cpu_s=chosen.uniform(0, 1e-3),
        stored_cpu_s=chosen.uniform(0, 1e-4),
    )


@pytest.mark.parametrize(
    ("runs", "limits", "seconds"),
    [
        ([run(people=98_000)], Limits(), 98_000 / BATCH_PEOPLE * BATCH_ROWS / 2_000),
        ([run(people=9_800, locations=20)], Limits(), 20 * 9_800 / BATCH_PEOPLE * BATCH_ROWS / 20_000),
        ([run(graph_units=8_000)], Limits(), 10.0),
        ([run(number, vault_reads=4) for number in range(100)], Limits(), 1.0),
        ([run(locations=100)], Limits(queue_messages_s=20), 5.0),
        ([run(cpu_s=2.0, locations=12)], Limits(instances=4), 24.0),
    ],
    ids=["partition", "account", "Graph", "Key Vault", "queue", "core"],
)
def test_where_one_limit_binds_it_takes_as_long_as_that_asks_for(
    runs: list[TenantRun], limits: Limits, seconds: float
) -> None:
    """The simulation is no more than a tenth of a second and a fiftieth above the closed form."""
    scaling = Scaling(messages_per_instance=100, instances_per_decision=1, decision_every_s=0.01)
    outcome = Simulation(limits, NO_DELAYS, scaling if limits.instances == 4 else AT_ONCE).run(runs)
    assert seconds <= outcome.seconds <= seconds * 1.02 + 0.1


def test_a_job_that_is_out_of_time_goes_on_in_another_message() -> None:
    """Nothing is lost, and what is read again costs time."""
    whole = Simulation(Limits(), NO_DELAYS, AT_ONCE).run([run(people=98_000)])
    cut = Simulation(Limits(job_s=10), NO_DELAYS, AT_ONCE).run([run(people=98_000, stored_cpu_s=1e-5)])
    assert whole.executions == len(STAGES) < cut.executions
    assert cut.seconds > whole.seconds


@pytest.mark.parametrize("found", [measured(), measured().in_groups_mode()], ids=["full", "groups"])
def test_what_was_measured_comes_out_for_the_size_that_was_measured(found: Measured) -> None:
    """The load of the measured customer is the measured one."""
    counts = found.customer
    for kind in ("unchanged", "changed", "full"):
        jobs = [
            each
            for stage in run_of(found, kind, people=counts.people, locations=counts.locations).stages
            for each in stage
        ]
        works = [work for name, work in counts.runs[kind].items() if name in STAGES]
        assert sum(each.requests for each in jobs) == pytest.approx(sum(each.table_requests for each in works))
        assert sum(each.cpu_s for each in jobs) == pytest.approx(sum(each.cpu_s for each in works))


def test_an_instance_is_billed_while_it_executes_anything() -> None:
    """A second at least, then in tenths; executions at the same time count once."""
    instance = Instance(1)
    instance.begin(0)
    instance.begin(0.2)
    instance.end(0.3)
    instance.end(0.4)
    assert instance.billed_s == 1
    instance.begin(10)
    instance.end(12.51)
    assert instance.billed_s == pytest.approx(1 + 2.6)
