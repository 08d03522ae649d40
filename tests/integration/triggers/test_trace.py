"""One trace runs from the entry of a sync through its messages and stages to the end of the run."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from shared.domain.ids import TenantId
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.sync.jobs import FetchJob, Job, ReconcileJob, SyncRequest
from shared.domain.sync.queue_messages import Envelope, encode, envelope_of, parse
from shared.telemetry import current_traceparent
from shared.triggers import queues, timers
from tests.support.builders import user
from tests.support.delivery import Message
from tests.support.telemetry import Exported, exported
from tests.support.world import World

FULL = Preferences(mode=Mode.FULL)


@pytest.fixture
def kept() -> Iterator[Exported]:
    """Everything that is exported."""
    with exported() as exporting:
        yield exporting


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """One connected tenant; the triggers use its workflows, and each message carries the trace of its sender."""
    made = World()
    await made.tenant("contoso", [user(1), user(2)], FULL, {"desk": []})
    for module in (queues, timers):
        monkeypatch.setattr(module, "app", lambda: made.app)
    return made


async def work_off(world: World, monkeypatch: pytest.MonkeyPatch, kept: Exported) -> None:
    """Deliver all messages as texts, with the envelopes with which they were sent."""
    del kept
    texts: list[tuple[str, str]] = []
    send = world.queue.send

    async def sending(jobs: Sequence[Job], *, delay_s: float = 0) -> None:
        texts.extend((job.queue, encode(job, Envelope(traceparent=current_traceparent()))) for job in jobs)
        await send(jobs, delay_s=delay_s)

    monkeypatch.setattr(world.queue, "send", sending)
    tick: Any = None
    await timers.schedule(tick)
    while texts:
        queue, text = texts.pop(0)
        await queues._process(queue, Message(text))


async def test_from_the_timer_to_the_end(world: World, monkeypatch: pytest.MonkeyPatch, kept: Exported) -> None:
    """All stages of a tenant's run are in the trace that began in the timer, each below the message of its job."""
    await work_off(world, monkeypatch, kept)
    by_id = {span.context.span_id: span for span in kept.spans() if span.context}
    (root,) = [span for span in kept.spans() if span.name == "schedule tenant"]
    assert root.context is not None
    of_trace = [span for span in by_id.values() if span.context and span.context.trace_id == root.context.trace_id]
    above = {span.name: by_id[span.parent.span_id].name for span in of_trace if span.parent}
    assert above == {
        "sync_requests": "schedule tenant",
        "plan": "sync_requests",
        "fetch_jobs": "plan",
        "fetch": "fetch_jobs",
        "reconcile_jobs": "fetch",
        "reconcile": "reconcile_jobs",
        "finish": "reconcile",
    }
    assert {str(span.attributes["tenant"]) for span in of_trace if span.attributes and "tenant" in span.attributes} == {
        "contoso"
    }


async def test_a_run_is_counted(world: World, monkeypatch: pytest.MonkeyPatch, kept: Exported) -> None:
    """People, changes, the end of the run, and the executions of functions."""
    await work_off(world, monkeypatch, kept)
    assert kept.total("recipient_sync.people.read") == 2
    assert kept.total("recipient_sync.recipients.changed", change="created") == 2
    assert kept.total("recipient_sync.runs.ended", state="done") == 1
    for function in ("schedule", "sync_requests", "fetch_jobs", "reconcile_jobs"):
        assert kept.total("recipient_sync.invocations", function=function, outcome="succeeded") == 1


async def test_the_events_of_a_job_name_it(world: World, monkeypatch: pytest.MonkeyPatch, kept: Exported) -> None:
    """Tenant, run and job, and the trace."""
    await work_off(world, monkeypatch, kept)
    run = await world.newest("contoso")
    found = {str((line.log_record.attributes or {})["event"]): line.log_record for line in kept.logs()}
    for name, job in (("fetched", "fetch/main:users"), ("reconciled", "reconcile/desk"), ("finished", "finish")):
        attributes = found[name].attributes or {}
        assert (attributes["tenant"], attributes["run"], attributes["job"]) == ("contoso", run.id, job)
        assert found[name].trace_id


@pytest.mark.parametrize(
    "text", ['{"tenant":"contoso","run":"1","source":"main:users"}', "contoso", "{broken", "Y29udG9zbw==", "[]"]
)
def test_a_message_without_an_envelope_is_read(text: str) -> None:
    """Messages of the version before, and of other senders."""
    assert envelope_of(text) == Envelope()


def test_an_older_version_reads_a_message_with_an_envelope() -> None:
    """Two versions run side by side during an update: unknown properties are ignored."""
    for job in (
        SyncRequest(tenant=TenantId("contoso"), mode="full", request="r", requested_by="api"),  # type: ignore[arg-type]
        FetchJob(tenant=TenantId("contoso"), run="8204579199999-00000001", source="main:users"),  # type: ignore[arg-type]
        ReconcileJob(tenant=TenantId("contoso"), run="8204579199999-00000001", location="desk"),  # type: ignore[arg-type]
    ):
        envelope = Envelope(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", due=1)
        text = encode(job, envelope)
        assert parse(job.queue, text, "id") == job
        assert envelope_of(text) == envelope
