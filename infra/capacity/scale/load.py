"""What the jobs of a run ask for, for customers of any size: what was measured, as a fixed part and one per person."""

from dataclasses import dataclass, replace
from typing import Final

from infra.capacity.figures import Counts, Measured
from infra.capacity.work import Work

STAGES: Final = ("plan", "fetch", "reconcile", "retire")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One message's worth of work."""

    function: str
    #: Core-seconds, requests to Table Storage, units and requests of Graph, and secrets, before it writes recipients.
    cpu_s: float
    requests: float
    graph_requests: float
    graph_units: float
    vault_reads: float
    #: Rows it writes that are no batches of recipients.
    rows: float
    #: People whom it writes, and core-seconds for each of them.
    people: float = 0.0
    person_cpu_s: float = 0.0
    #: What a continuation reads again: core-seconds and requests for each person who was written meanwhile.
    stored_cpu_s: float = 0.0
    stored_requests: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRun:
    """A run of one tenant: its jobs by stage; those of a stage run at the same time, each at a partition of its own."""

    tenant: int
    stages: tuple[tuple[Job, ...], ...]

    @property
    def jobs(self) -> int:
        """How many jobs it has."""
        return sum(map(len, self.stages))


def run_of(measured: Measured, run: str, *, tenant: int = 0, people: int, locations: int) -> TenantRun:
    """Return a run of a customer of this size, worked out from the measured one of the same kind."""
    counts, stages = measured.like(people), []
    for function in STAGES:
        if function not in counts.runs[run]:
            continue  # one that finds nothing changed ends where it has read
        jobs = locations if function == "reconcile" else 1
        size = people / counts.people
        work = _scaled(counts, run, function, size)
        if function == "retire":  # one job goes through all locations, but asks about people once
            through = _scaled(counts, run, function, size * locations / counts.locations)
            work = replace(through, graph_requests=work.graph_requests, vault_reads=work.vault_reads)
        stages.append((_job(counts, run, function, work, people),) * jobs)
    return TenantRun(tenant=tenant, stages=tuple(stages))


def _scaled(counts: Counts, run: str, function: str, size: float) -> Work:
    """Return the work of one job: what it does when nothing has changed, and the rest in proportion to the size."""
    jobs = counts.locations if function == "reconcile" else 1
    fixed = counts.runs["unchanged"].get(function, Work()) * (1 / jobs)
    measured = counts.runs[run][function] * (1 / jobs)
    return fixed + (measured + fixed * -1) * size


def _job(counts: Counts, run: str, function: str, work: Work, people: int) -> Job:
    job = Job(
        function=function,
        cpu_s=work.cpu_s,
        requests=work.table_requests,
        graph_requests=work.graph_requests,
        graph_units=counts.graph_units[run] * people / counts.people if work.graph_requests else 0.0,
        vault_reads=work.vault_reads,
        rows=work.rows_written,
    )
    if (run, function) != ("first", "reconcile"):
        return job
    # what a first run does at a location beyond one that changes nothing is to write, and what a full one does, to read
    fixed = _each(counts, "unchanged")
    writing, reading = (_each(counts, each) + fixed * -1 for each in ("first", "full"))
    return replace(
        job,
        cpu_s=fixed.cpu_s,
        requests=fixed.table_requests,
        rows=fixed.rows_written,
        people=people,
        person_cpu_s=writing.cpu_s / counts.people,
        stored_cpu_s=reading.cpu_s / counts.people,
        stored_requests=reading.table_requests / counts.people,
    )


def _each(counts: Counts, run: str) -> Work:
    """Return the work of reconciling one location."""
    return counts.runs[run].get("reconcile", Work()) * (1 / counts.locations)
