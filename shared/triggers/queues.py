"""Queue triggers: each message calls one workflow. The error class decides what happens to the message.

- Superseded: a newer run does the work; the message is completed. While writing is paused, it waits instead.
- Rejected: the message is invalid; it is recorded in the operator log and completed, because a retry cannot help.
- Transient with a wait: the message is enqueued again with that delay, so that the worker does not sleep. A wait of
  0 seconds is a wait as well. So is a row or a message of a newer version of the app, which is left alone.
- Any other error: raised, so that the host redelivers the message. At the last delivery the message is recorded as a
  dead letter and completed. If that fails as well, or the worker dies, the host moves the message to the poison queue,
  which the watchdog empties.
"""

from contextlib import AbstractContextManager
from typing import Final

import azure.functions as func

from shared.bootstrap import App, app, start_telemetry
from shared.domain.retry_policy import DELAYED, PAUSED, REDELIVERY, UNREADABLE
from shared.domain.sync.jobs import DeactivateJob, FetchJob, ImportJob, Job, ReconcileJob, SyncRequest
from shared.domain.sync.queue_messages import envelope_of, parse
from shared.errors import Paused, Rejected, Superseded, Transient, Unreadable
from shared.telemetry import RequestCounters, Span, SpanKind, count_requests, event, invocation, stage

_CONNECTION: Final = "AzureWebJobsStorage"

bp = func.Blueprint()


async def _process(queue: str, msg: func.QueueMessage) -> None:
    """Process a message. At its last delivery, record it as a dead letter instead of raising an error."""
    start_telemetry()
    function, body = queue.replace("-", "_"), msg.get_body().decode("utf-8", errors="replace")
    parent = envelope_of(body).traceparent
    with (
        invocation(function, function=function, kind=SpanKind.CONSUMER, parent=parent) as current,
        count_requests() as counters,
    ):
        product, id_ = app(), msg.id or ""
        try:
            job = parse(queue, body, id_)
        except Rejected as error:
            await product.dead_letters.add_entry(queue, id_, body, error.code, str(error), None)
            return
        except Unreadable as error:
            event("requeued", queue=queue, code=error.code, seconds=UNREADABLE.first_wait_s)
            await product.queue.put_back(queue, body, delay_s=UNREADABLE.first_wait_s)
            return
        last_delivery = (msg.dequeue_count or 1) > REDELIVERY.retries
        with _stage(job):
            try:
                if isinstance(job, SyncRequest):
                    await product.audit.queued(job, msg.insertion_time)
                await _handle(product, job, id_, body, counters, last_delivery=last_delivery)
            except Exception as error:
                if not last_delivery:
                    raise
                event("gave_up", queue=queue, message=id_, error=type(error).__name__)
                current.fail(type(error).__name__)
                await product.dead_letters.record(queue, id_, body, counters, error)


def _stage(job: Job) -> AbstractContextManager[Span]:
    match job:
        case SyncRequest():
            return stage("plan", tenant=job.tenant)
        case FetchJob():
            return stage("fetch", tenant=job.tenant, run=job.run, subject=job.source)
        case ReconcileJob():
            return stage("reconcile", tenant=job.tenant, run=job.run, subject=job.location)
        case DeactivateJob():
            return stage("deactivate", tenant=job.tenant, run=job.run)
        case ImportJob():
            return stage("import", tenant=job.tenant, run=job.run, subject=job.location)


async def _handle(
    product: App, job: Job, id_: str, body: str, counters: RequestCounters, *, last_delivery: bool
) -> None:
    try:
        await _work(product, job, counters, last_delivery=last_delivery)
    except Rejected as error:
        await product.dead_letters.add_entry(job.queue, id_, body, error.code, str(error), job)
    except Paused as error:
        await _put_back(product, job, error.code)
    except Superseded as error:
        if await product.emergency_stop.is_paused(job.tenant):
            await _put_back(product, job, error.code)  # the pause took the fence, and the work goes on afterwards
        else:
            event("dropped", queue=job.queue, reason=error.code)
    except Transient as error:
        if error.retry_after_s is None:
            raise
        wait_s = DELAYED.bounded_s(error.retry_after_s)
        event("requeued", queue=job.queue, code=error.code, seconds=wait_s)
        await product.repeats.send([job], delay_s=wait_s)


async def _put_back(product: App, job: Job, code: str) -> None:
    """Enqueue a job again that waits for the end of a pause. Such messages are not limited."""
    event("requeued", queue=job.queue, code=code, seconds=PAUSED.first_wait_s)
    await product.queue.send([job], delay_s=PAUSED.first_wait_s)


async def _work(product: App, job: Job, counters: RequestCounters, *, last_delivery: bool) -> None:
    match job:
        case SyncRequest():
            await product.plan(job, counters)
        case FetchJob():
            await product.fetch(job, counters, last_delivery=last_delivery)
        case ReconcileJob():
            await product.reconcile(job, counters)
        case DeactivateJob():
            await product.deactivate(job, counters)
        case ImportJob():
            await product.apply_import(job, counters)


@bp.queue_trigger(arg_name="msg", queue_name=SyncRequest.queue, connection=_CONNECTION)
async def sync_requests(msg: func.QueueMessage) -> None:
    """Plan the requested run."""
    await _process(SyncRequest.queue, msg)


@bp.queue_trigger(arg_name="msg", queue_name=FetchJob.queue, connection=_CONNECTION)
async def fetch_jobs(msg: func.QueueMessage) -> None:
    """Fetch one source of a run."""
    await _process(FetchJob.queue, msg)


@bp.queue_trigger(arg_name="msg", queue_name=ReconcileJob.queue, connection=_CONNECTION)
async def reconcile_jobs(msg: func.QueueMessage) -> None:
    """Reconcile one location of a run, or deactivate its confirmed departures; the last of these jobs finishes it."""
    await _process(ReconcileJob.queue, msg)


@bp.queue_trigger(arg_name="msg", queue_name=ImportJob.queue, connection=_CONNECTION)
async def import_jobs(msg: func.QueueMessage) -> None:
    """Import the rows of an uploaded file into one location."""
    await _process(ImportJob.queue, msg)
