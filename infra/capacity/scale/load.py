"""Load model: the work of a run for a tenant of any size, from a measured fixed part and a part per person."""

from dataclasses import dataclass, replace
from typing import Final

from infra.capacity.figures import Counts, Measured
from infra.capacity.work import Work

#: The function that does the jobs of a stage. Every function has instances of its own.
STAGES: Final = {"plan": "plan", "fetch": "fetch", "reconcile": "reconcile", "deactivate": "reconcile"}
#: The function that plans a run that was requested through the API.
HTTP: Final = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The work of one queue message."""

    function: str
    # The following fields cover the time before the job writes recipients.
    #: Core-seconds.
    cpu_s: float
    #: Requests to Table Storage.
    requests: float
    directory_requests: float
    graph_units: float
    vault_reads: float
    #: Rows written that are not part of a batch of recipients.
    rows: float
    #: Number of recipients written.
    people: float = 0.0
    #: Core-seconds per recipient written.
    person_cpu_s: float = 0.0
    #: Core-seconds of a continuation, per recipient that earlier messages of the job have written.
    stored_cpu_s: float = 0.0
    #: Requests of a continuation, per recipient that earlier messages of the job have written.
    stored_requests: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRun:
    """A run of one tenant: jobs by stage. The jobs of a stage run in parallel, each on its own partition."""

    tenant: int
    stages: tuple[tuple[Job, ...], ...]

    @property
    def jobs(self) -> int:
        """The number of jobs."""
        return sum(map(len, self.stages))


def run_of(
    measured: Measured, run: str, *, tenant: int = 0, people: int, locations: int, click: bool = False
) -> TenantRun:
    """Return a run of a tenant of this size, scaled from the measured run of the same kind.

    With `click`, the API plans the run; otherwise the message of the schedule does.
    """
    counts, stages = measured.counts_for(people), []
    for stage in STAGES:
        if stage not in counts.runs[run]:
            continue  # a run without changes ends after fetching, and one without departures after reconciling
        jobs = _jobs(counts, stage, locations)
        size = people / counts.people
        work = _scaled(counts, run, stage, size)
        if stage == "deactivate":  # one job covers all locations, but reads each person once
            through = _scaled(counts, run, stage, size * locations / counts.locations)
            work = replace(through, directory_requests=work.directory_requests, vault_reads=work.vault_reads)
        job = _job(counts, run, stage, work, people)
        if stage == "plan" and click:
            job = replace(_job(counts, run, stage, counts.click, people), function=HTTP)
        stages.append((job,) * jobs)
    return TenantRun(tenant=tenant, stages=tuple(stages))


def _jobs(counts: Counts, stage: str, locations: int) -> int:
    """Return the number of jobs of a stage."""
    return {"fetch": counts.sources, "reconcile": locations}.get(stage, 1)


def _scaled(counts: Counts, run: str, stage: str, size: float) -> Work:
    """Return the work of one job: the fixed work of an unchanged run, plus a part proportional to the size."""
    jobs = _jobs(counts, stage, counts.locations)
    fixed = counts.runs["unchanged"].get(stage, Work()) * (1 / jobs)
    measured = counts.runs[run][stage] * (1 / jobs)
    return fixed + (measured + fixed * -1) * size


def _job(counts: Counts, run: str, stage: str, work: Work, people: int) -> Job:
    job = Job(
        function=STAGES[stage],
        cpu_s=work.cpu_s,
        requests=work.table_requests,
        directory_requests=work.directory_requests,
        graph_units=_graph_units(counts, run, stage) * people / counts.people if work.directory_requests else 0.0,
        vault_reads=work.vault_reads,
        rows=work.rows_written,
    )
    if (run, stage) != ("first", "reconcile"):
        return job
    # Compared with an unchanged run, a first run only writes in addition, and a full run only reads.
    fixed = _reconcile_work(counts, "unchanged")
    writing = _reconcile_work(counts, "first") + fixed * -1
    reading = _reconcile_work(counts, "full") + fixed * -1
    return replace(
        job,
        cpu_s=fixed.cpu_s,
        requests=fixed.table_requests,
        rows=fixed.rows_written,
        people=people * counts.people_at_location / counts.people,
        person_cpu_s=writing.cpu_s / counts.people_at_location,
        stored_cpu_s=reading.cpu_s / counts.people_at_location,
        stored_requests=reading.table_requests / counts.people_at_location,
    )


def _graph_units(counts: Counts, run: str, stage: str) -> float:
    """Return the resource units of one job that sends requests to Graph."""
    return counts.graph_units[run] / _jobs(counts, stage, counts.locations)


def _reconcile_work(counts: Counts, run: str) -> Work:
    """Return the work of reconciling one location."""
    return counts.runs[run].get("reconcile", Work()) * (1 / counts.locations)
