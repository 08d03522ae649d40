"""Actions that start, decide, undo and resume runs."""

from shared.domain.access.idempotency import IdempotentRequest
from shared.domain.ids import TenantId
from shared.domain.run import RunMode, RunState
from shared.domain.sync.jobs import SyncRequest
from shared.domain.sync.queue_messages import encode
from tests.simulation.engine.cluster import listed
from tests.simulation.engine.requests import BY, watchdog
from tests.simulation.engine.stage import Stage


def request(stage: Stage, tenant: TenantId) -> None:
    """Request a run through the API, in every third case with a key that is used again."""
    mode = stage.random.choice([RunMode.INCREMENTAL, RunMode.INCREMENTAL, RunMode.FULL])
    key = f"key {stage.random.randrange(2)}" if stage.random.random() < 0.3 else None
    repeatable = None if key is None else IdempotentRequest.of(BY, "runs", key, mode.encode())
    stage.call(f"POST runs {tenant} {mode} {key or ''}", lambda app: app.request_run(tenant, mode, BY, repeatable))


def preview(stage: Stage, tenant: TenantId) -> None:
    """Request a preview."""
    stage.call(f"POST preview {tenant}", lambda app: app.request_run.preview(tenant, RunMode.INCREMENTAL, None, BY))


def send_message(stage: Stage, tenant: TenantId) -> None:
    """Put a message on the queue of requests."""
    job = SyncRequest(
        tenant=tenant, mode=RunMode.INCREMENTAL, request=f"by hand {stage.number()}", requested_by="queue"
    )
    stage.cluster.broker.add(job.queue, encode(job), stage.host.scheduler.loop.time())


def tick(stage: Stage, tenant: TenantId) -> None:
    """Fire the timer of the schedule."""
    at = stage.host.instances[0].actor.now()
    stage.call("the schedule", lambda app: app.schedule(at))


def watch(stage: Stage, tenant: TenantId | None = None) -> None:
    """Fire the timer of the watchdog."""
    stage.call("the watchdog", watchdog)


def undo(stage: Stage, tenant: TenantId) -> None:
    """Undo one of the last runs."""
    runs = stage.runs(tenant)[:3]
    if runs:
        run = stage.random.choice(runs)
        stage.call(f"undo {tenant} {run.id}", lambda app: app.undo(tenant, run.id, BY))


def decide(stage: Stage, tenant: TenantId) -> None:
    """Approve or reject what a run holds, or approve it once more."""
    held = [run for run in stage.runs(tenant) if run.state in {RunState.HELD, RunState.DEACTIVATING}]
    if held:
        run, digest = held[0], held[0].held_digest or ""
        if stage.random.random() < 0.7:
            stage.call(f"approve {run.id}", lambda app: app.review_held.approve(tenant, run.id, digest, BY))
        else:
            stage.call(f"reject {run.id}", lambda app: app.review_held.reject(tenant, run.id, BY))


def replay(stage: Stage, tenant: TenantId) -> None:
    """Send a message again that was given up, or discard it."""
    entries = listed(stage.cluster.view.operator_log.list_entries())
    if entries:
        entry = stage.random.choice(entries)
        if stage.random.random() < 0.7:
            stage.call(f"replay {entry.id}", lambda app: app.replay.replay(entry.id, entry.queue, BY))
        else:
            stage.call(f"discard {entry.id}", lambda app: app.replay.discard(entry.id, entry.queue, BY))


def accept(stage: Stage, tenant: TenantId) -> None:
    """Accept that the directory shows null where it had values."""
    withheld = [run for run in stage.runs(tenant)[:5] if any(problem.properties for problem in run.problems)]
    if withheld:
        run = stage.random.choice(withheld)
        stage.call(f"accept what {run.id} reports", lambda app: app.accept_cleared(tenant, run.id, BY))
