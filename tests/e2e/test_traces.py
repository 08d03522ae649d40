"""One sync can be followed by the id of its trace, through every stage to each Graph and storage request."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from infra.local.demo.api import Api
from infra.local.stack.child import ROOT
from infra.local.stack.local_stack import TELEMETRY, LocalStack
from infra.local.traces.otlp_files import Span, attributes_of, messages, read_spans
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e

FULL = {"mode": "full"}
STAGES = {"plan", "fetch", "reconcile", "finish"}


async def trace_of(stack: LocalStack, run: str) -> list[Span]:
    """Return the spans of the trace of a run, when its last stage was exported."""

    async def exported() -> list[Span]:
        spans = read_spans(stack.directory / TELEMETRY)
        traces = {span.trace for span in spans if span.attributes.get("run") == run}
        found = [span for span in spans if span.trace in traces]
        return found if {"finish", "reconcile_jobs"} <= {span.name for span in found} else []

    spans = await until(exported)
    assert len({span.trace for span in spans}) == 1
    return spans


def above(span: Span, spans: list[Span]) -> Iterator[str]:
    """Yield the names of the spans above a span."""
    by_id = {each.id: each for each in spans}
    while (parent := by_id.get(span.parent)) is not None:
        yield parent.name
        span = parent


def stage_of(span: Span, spans: list[Span]) -> str | None:
    """Return the stage in which a request was sent; None for a request of the entry itself."""
    return next((name for name in above(span, spans) if name in STAGES), None)


@pytest.mark.parametrize("begin", ["request", "message", "timer"])
async def test_a_sync_is_one_trace(api: Api, stack: LocalStack, begin: str) -> None:
    """From HTTP, a queue message or the timer; each request is below its stage, and each stage below the start."""
    tenant = f"traced-{begin}"
    await api.onboard(tenant, directory="contoso", preferences=FULL, locations=["desk"])
    run = await _started(api, stack, tenant, begin)
    assert (await api.finished(tenant, run))["state"] == "done"
    spans = await trace_of(stack, run)
    roots = {span.name for span in spans if not list(above(span, spans))}
    assert roots == {
        {"request": "POST /tenants/{tenant}/runs", "message": "sync_requests", "timer": "schedule tenant"}[begin]
    }
    assert {span.name for span in spans} >= {*STAGES, "fetch_jobs", "reconcile_jobs"}
    graph = [span for span in spans if " graph " in span.name]
    assert {stage_of(span, spans) for span in graph} == {"fetch"}
    tables = [span for span in spans if " table " in span.name]
    assert {stage_of(span, spans) for span in tables} >= STAGES
    assert {span.attributes["status"] for span in graph} == {200}
    named = {span.attributes["tenant"] for span in spans if "tenant" in span.attributes}
    assert named == {tenant}


async def _started(api: Api, stack: LocalStack, tenant: str, begin: str) -> str:
    """Start a run in one of three ways, and return its id."""
    if begin == "request":
        return await api.sync(tenant)
    if begin == "message":
        from azure.core.exceptions import ResourceExistsError  # noqa: PLC0415 - only here
        from azure.storage.queue import QueueClient  # noqa: PLC0415 - as above

        with QueueClient.from_connection_string(stack.info["connection_string"], "sync-requests") as client:
            with suppress(ResourceExistsError):  # the app creates it when it polls for the first time
                client.create_queue()
            client.send_message(tenant)
    else:
        async with api.session.post(f"{stack.info['host']}/admin/functions/schedule", json={"input": ""}) as response:
            assert response.status == 202

    async def runs() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await api.call("GET", f"/tenants/{tenant}/runs"))["runs"]
        return found

    run: str = (await until(runs))[0]["id"]
    return run


async def test_log_lines_lead_to_the_trace(api: Api, stack: LocalStack) -> None:
    """The events of a run name tenant, run and job, and are in its trace."""
    await api.onboard("logged", directory="contoso", preferences=FULL, locations=["desk"])
    run = await api.sync("logged")
    await api.finished("logged", run)
    trace = (await trace_of(stack, run))[0].trace

    async def finished() -> list[dict[str, Any]]:
        return [record for record in _records(stack) if record["run"] == run and record["event"] == "finished"]

    await until(finished)
    records = [record for record in _records(stack) if record.get("run") == run]
    assert {record["event"] for record in records} >= {"planned", "fetched", "reconciled", "finished"}
    assert {(record["tenant"], record["trace"]) for record in records} == {("logged", trace)}
    assert {record["job"] for record in records} >= {"plan", "fetch/main:users", "reconcile/desk", "finish"}


def _records(stack: LocalStack) -> list[dict[str, Any]]:
    return [
        {"run": None, "event": None, **attributes_of(record.get("attributes", [])), "trace": record.get("traceId")}
        for message in messages(stack.directory / TELEMETRY, "logs")
        for resource in message["resourceLogs"]
        for scope in resource["scopeLogs"]
        for record in scope["logRecords"]
    ]


async def test_a_command_prints_the_tree(api: Api, stack: LocalStack) -> None:
    """`make traces` with a run shows its trace."""
    await api.onboard("printed", directory="contoso", preferences=FULL, locations=["desk"])
    run = await api.sync("printed")
    await api.finished("printed", run)
    await trace_of(stack, run)
    command = [sys.executable, "-m", "infra.local.traces", "--folder", str(stack.directory / TELEMETRY), run]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603, ASYNC221 - from here
    lines = done.stdout.splitlines()
    assert run in lines[0]
    for name in ("plan", "fetch_jobs", "fetch", "GET graph /users", "reconcile", "finish"):
        assert any(f"─ {name}" in line for line in lines), name
