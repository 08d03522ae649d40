"""Queue triggers: each message calls one workflow. The error class decides what happens to the message.

- Superseded: a newer run does the work; the message is completed.
- Rejected: the message is invalid; it is recorded in the operator log and completed, because a retry cannot help.
- Transient with a wait: the message is enqueued again with that delay, so that the worker does not sleep.
- Any other error: raised, so that the host redelivers the message and finally moves it to the poison queue.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import azure.functions as func

from shared.bootstrap import App, app
from shared.domain.retry_policy import DELAYED, REDELIVERY
from shared.domain.sync.jobs import POISON_SUFFIX, DeactivateJob, FetchJob, ImportJob, ReconcileJob, SyncRequest
from shared.domain.sync.queue_messages import (
    parse_deactivate,
    parse_fetch,
    parse_import,
    parse_reconcile,
    parse_request,
)
from shared.errors import Rejected, Superseded, Transient
from shared.runtime.fair_scheduler import one_job
from shared.telemetry import RequestCounters, count_requests, event

_CONNECTION: Final = "AzureWebJobsStorage"

M = TypeVar("M", SyncRequest, FetchJob, ReconcileJob, DeactivateJob, ImportJob)

bp = func.Blueprint()


@dataclass(frozen=True, slots=True)
class _Queue(Generic[M]):
    """A queue: how to parse, process and re-enqueue its messages."""

    name: str
    parse: Callable[[str, str], M]
    work: Callable[[App, M, RequestCounters, bool], Awaitable[None]]
    requeue: Callable[[App, M, float], Awaitable[None]]

    @property
    def poison(self) -> str:
        """The queue of messages that failed on every delivery."""
        return f"{self.name}{POISON_SUFFIX}"


_REQUESTS: _Queue[SyncRequest] = _Queue(
    SyncRequest.queue,
    parse_request,
    lambda product, request, counters, _last: product.plan(request, counters),
    lambda product, request, delay_s: product.queue.request(request, delay_s=delay_s),
)
_FETCH: _Queue[FetchJob] = _Queue(
    FetchJob.queue,
    lambda body, _id: parse_fetch(body),
    lambda product, job, counters, last: product.fetch(job, counters, last_delivery=last),
    lambda product, job, delay_s: product.queue.fetch([job], delay_s=delay_s),
)
_RECONCILE: _Queue[ReconcileJob] = _Queue(
    ReconcileJob.queue,
    lambda body, _id: parse_reconcile(body),
    lambda product, job, counters, _last: product.reconcile(job, counters),
    lambda product, job, delay_s: product.queue.reconcile([job], delay_s=delay_s),
)
_DEACTIVATE: _Queue[DeactivateJob] = _Queue(
    DeactivateJob.queue,
    lambda body, _id: parse_deactivate(body),
    lambda product, job, counters, _last: product.deactivate(job, counters),
    lambda product, job, delay_s: product.queue.deactivate(job, delay_s=delay_s),
)
_IMPORT: _Queue[ImportJob] = _Queue(
    ImportJob.queue,
    lambda body, _id: parse_import(body),
    lambda product, job, counters, _last: product.apply_import(job, counters),
    lambda product, job, delay_s: product.queue.import_file(job, delay_s=delay_s),
)


async def _process(queue: _Queue[M], msg: func.QueueMessage) -> None:
    product = app()
    body = _body(msg)
    with count_requests() as counters, one_job():
        try:
            message = queue.parse(body, msg.id or "")
        except Rejected as error:
            await product.dead_letters.add_entry(queue.name, msg.id or "", body, error.code, str(error), None)
            return
        try:
            await queue.work(product, message, counters, (msg.dequeue_count or 1) > REDELIVERY.retries)
        except Superseded as error:
            event("dropped", queue=queue.name, tenant=message.tenant, reason=error.code)
        except Rejected as error:
            await product.dead_letters.add_entry(queue.name, msg.id or "", body, error.code, str(error), message)
        except Transient as error:
            if error.retry_after_s is None:
                raise
            event("requeued", queue=queue.name, tenant=message.tenant, code=error.code, seconds=error.retry_after_s)
            await queue.requeue(product, message, min(error.retry_after_s, DELAYED.max_wait_s))


async def _dead_letter(queue: _Queue[M], msg: func.QueueMessage) -> None:
    body = _body(msg)
    try:
        message: M | None = queue.parse(body, msg.id or "")
    except Rejected:
        message = None
    with count_requests() as counters:
        await app().dead_letters.record(queue.name, msg.id or "", body, message, counters)


def _body(msg: func.QueueMessage) -> str:
    return msg.get_body().decode("utf-8", errors="replace")


@bp.queue_trigger(arg_name="msg", queue_name=_REQUESTS.name, connection=_CONNECTION)
async def sync_requests(msg: func.QueueMessage) -> None:
    """Plan the requested run."""
    await _process(_REQUESTS, msg)


@bp.queue_trigger(arg_name="msg", queue_name=_FETCH.name, connection=_CONNECTION)
async def fetch_jobs(msg: func.QueueMessage) -> None:
    """Fetch one source of a run."""
    await _process(_FETCH, msg)


@bp.queue_trigger(arg_name="msg", queue_name=_RECONCILE.name, connection=_CONNECTION)
async def reconcile_jobs(msg: func.QueueMessage) -> None:
    """Reconcile one location of a run."""
    await _process(_RECONCILE, msg)


@bp.queue_trigger(arg_name="msg", queue_name=_DEACTIVATE.name, connection=_CONNECTION)
async def retire_jobs(msg: func.QueueMessage) -> None:
    """Deactivate the confirmed departures of a run and finish it."""
    await _process(_DEACTIVATE, msg)


@bp.queue_trigger(arg_name="msg", queue_name=_IMPORT.name, connection=_CONNECTION)
async def import_jobs(msg: func.QueueMessage) -> None:
    """Import the rows of an uploaded file into one location."""
    await _process(_IMPORT, msg)


@bp.queue_trigger(arg_name="msg", queue_name=_REQUESTS.poison, connection=_CONNECTION)
async def sync_requests_poison(msg: func.QueueMessage) -> None:
    """Record a failed sync request."""
    await _dead_letter(_REQUESTS, msg)


@bp.queue_trigger(arg_name="msg", queue_name=_FETCH.poison, connection=_CONNECTION)
async def fetch_jobs_poison(msg: func.QueueMessage) -> None:
    """Record a failed fetch job and mark its source as not read."""
    await _dead_letter(_FETCH, msg)


@bp.queue_trigger(arg_name="msg", queue_name=_RECONCILE.poison, connection=_CONNECTION)
async def reconcile_jobs_poison(msg: func.QueueMessage) -> None:
    """Record a failed reconcile job; its run continues without it."""
    await _dead_letter(_RECONCILE, msg)


@bp.queue_trigger(arg_name="msg", queue_name=_DEACTIVATE.poison, connection=_CONNECTION)
async def retire_jobs_poison(msg: func.QueueMessage) -> None:
    """Record a failed deactivation job and end its run as failed."""
    await _dead_letter(_DEACTIVATE, msg)


@bp.queue_trigger(arg_name="msg", queue_name=_IMPORT.poison, connection=_CONNECTION)
async def import_jobs_poison(msg: func.QueueMessage) -> None:
    """Record a failed import job and end its import as failed."""
    await _dead_letter(_IMPORT, msg)
