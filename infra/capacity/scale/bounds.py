"""Lower bounds in closed form: the least time that runs take under each limit alone."""

from collections import Counter
from collections.abc import Sequence

from infra.capacity.figures import Delays
from infra.capacity.scale.limits import BATCH_PEOPLE, BATCH_ROWS, Limits
from infra.capacity.scale.load import HTTP, Job, TenantRun
from shared.workflows.sync.schedule import AT_ONCE


def bounds(runs: Sequence[TenantRun], limits: Limits, delays: Delays) -> dict[str, float]:
    """Return the lower bound of each limit in seconds, for runs that start at the same tick of the schedule."""
    jobs = [job for run in runs for stage in run.stages for job in stage]
    kinds = list({id(run.stages): run for run in runs}.values())
    messages = Counter(job.function for job in jobs if job.function != HTTP)
    return {
        "steps in a row": max(_chain(run, delays) for run in kinds),
        "schedule's sending": (len(runs) - 1) // AT_ONCE * delays.table_request_s,
        "Graph units": max(sum(job.graph_units for stage in run.stages for job in stage) for run in kinds)
        / limits.graph_units_s,
        "partition rows": max(map(_rows, jobs)) / limits.partition_rows_s,
        "account rows": sum(max(job.requests, job.rows) + _rows(job) for job in jobs)
        / limits.account_rows_s
        / limits.accounts,
        "queue messages": max(messages.values()) / limits.queue_messages_s,
        "Key Vault reads": sum(job.vault_reads for job in jobs) / limits.vault_reads_s,
        "cores": sum(map(cpu_s, jobs)) / limits.cores / limits.instances,
    }


def _chain(run: TenantRun, delays: Delays) -> float:
    """Return the seconds of the steps that cannot run in parallel: stages, pages and batches."""
    return sum(max(waiting_s(job, delays) for job in stage) for stage in run.stages)


def waiting_s(job: Job, delays: Delays) -> float:
    """Return the least time that a job waits for responses, in seconds. CPU time is not included."""
    requests = job.requests + job.people / BATCH_PEOPLE
    return requests * delays.table_request_s + job.directory_requests * delays.graph_request_s


def _rows(job: Job) -> float:
    return job.people / BATCH_PEOPLE * BATCH_ROWS


def cpu_s(job: Job) -> float:
    """Return the core-seconds of a job."""
    return job.cpu_s + job.people * job.person_cpu_s
