"""Closed forms: how long runs take at least, by each limit, if everything else took no time."""

from collections.abc import Sequence
from itertools import zip_longest

from infra.capacity.figures import Delays
from infra.capacity.scale.limits import BATCH_PEOPLE, BATCH_ROWS, Limits
from infra.capacity.scale.load import Job, TenantRun
from shared.workflows.sync.schedule import AT_ONCE


def bounds(runs: Sequence[TenantRun], limits: Limits, delays: Delays) -> dict[str, float]:
    """Return the seconds that each limit asks for at least, for runs that one tick of the schedule asks for."""
    jobs = [job for run in runs for stage in run.stages for job in stage]
    kinds = list({id(run.stages): run for run in runs}.values())
    messages = max(sum(map(len, stages)) for stages in zip_longest(*(run.stages for run in runs), fillvalue=()))
    return {
        "steps in a row": max(_chain(run, delays) for run in kinds),
        "schedule's sending": (len(runs) - 1) // AT_ONCE * delays.table_request_s,
        "Graph units": max(sum(job.graph_units for stage in run.stages for job in stage) for run in kinds)
        / limits.graph_units_s,
        "partition rows": max(map(_rows, jobs)) / limits.partition_rows_s,
        "account rows": sum(max(job.requests, job.rows) + _rows(job) for job in jobs)
        / limits.account_rows_s
        / limits.accounts,
        "queue messages": messages / limits.queue_messages_s,
        "Key Vault reads": sum(job.vault_reads for job in jobs) / limits.vault_reads_s,
        "cores": sum(map(cpu_s, jobs)) / limits.cores / limits.instances,
    }


def _chain(run: TenantRun, delays: Delays) -> float:
    """Return what the steps take that can only follow each other: stage by stage, page by page, batch by batch."""
    return sum(max(alone_s(job, delays) for job in stage) for stage in run.stages)


def alone_s(job: Job, delays: Delays) -> float:
    """Return how long a job waits for others at least, its own work left out."""
    requests = job.requests + job.people / BATCH_PEOPLE
    return requests * delays.table_request_s + job.graph_requests * delays.graph_request_s


def _rows(job: Job) -> float:
    return job.people / BATCH_PEOPLE * BATCH_ROWS


def cpu_s(job: Job) -> float:
    """Return the core-seconds of a job."""
    return job.cpu_s + job.people * job.person_cpu_s
