"""What a deployment is used for, end to end: connect, timer, message, portal, renewal of a secret, removal."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import Any, Final

import aiohttp
import msgspec
from rich.console import Console

from infra.local.demo.__main__ import play
from infra.local.demo.api import ENDED, Api, ApiError
from infra.local.demo.simulator import Simulator
from infra.rehearsal.deployment import Deployment
from shared.domain.sync.jobs import SyncRequest

#: Longest time until the host has taken a message from a queue and the run has ended, in seconds.
_RUN_TIMEOUT_S: Final = 120.0
_POLL_S: Final = 0.5
#: Longest time until all signals have been exported, in seconds: metrics are exported once a minute.
_EXPORTED_S: Final = 90.0
#: Id of a trace that every sampler exports: it is decided by the last digits, as a share of the highest number.
_SAMPLED_TRACE: Final = f"{'5' * 16}{1:016x}"
_SPANS: Final = {"sync_requests", "plan", "fetch_jobs", "fetch", "finish", "GET graph /users/delta", "GET table Runs"}
_EVENTS: Final = {"scheduled", "planned", "fetched", "finished"}
_METRICS: Final = {"recipient_sync.invocations", "recipient_sync.runs.ended", "recipient_sync.storage.requests"}


async def rehearse(deployment: Deployment, console: Console, output: Path) -> list[str]:
    """Play every scene with the running host, and return what deviates from the expected result."""
    async with Api(deployment.info) as api, Simulator(deployment.info) as simulator:
        wrong = await play(console, api, simulator, output)
        scenes: dict[str, Callable[[], Awaitable[str]]] = {
            "doctor": lambda: _doctor(api),
            "timer": lambda: _timer(deployment, api),
            "message": lambda: _message(deployment, api),
            "portal": lambda: _portal(deployment),
            "telemetry": lambda: _telemetry(deployment, api),
            "renewal of a secret": lambda: _renewal(deployment, api, simulator),
            "removal": lambda: _removal(api),
        }
        for name, scene in scenes.items():
            problem = await scene()
            console.print(f"{name}: {problem or 'as expected'}")
            wrong += [f"{name}: {problem}"] if problem else []
    for (resource, service), gateway in deployment.gateways.items():
        wrong += [f"{service} of {resource} refused {operation}" for operation in sorted(set(gateway.access.refused))]
    return wrong


async def _doctor(api: Api) -> str:
    diagnosis = await api.call("GET", "/doctor")
    return "; ".join(check["detail"] for check in diagnosis["checks"] if check["status"] == "fail")


async def _timer(deployment: Deployment, api: Api) -> str:
    """Start the schedule as its timer does, and wait for the runs that it requests."""
    before = {tenant: await _newest(api, tenant) for tenant in ("contoso", "fabrikam")}
    address = f"{deployment.info['host']}/admin/functions/schedule"
    async with api.session.post(address, json={"input": ""}) as answer:
        if answer.status != HTTPStatus.ACCEPTED:
            return f"the host answered {answer.status}"
    runs = [await _next_run(api, tenant, run) for tenant, run in before.items()]
    return "; ".join(f"a run ended as {run['state']}" for run in runs if run["state"] != "done")


async def _message(deployment: Deployment, api: Api) -> str:
    """Request a run with a message in plain text."""
    before = await _newest(api, "contoso")
    await deployment.put_message(SyncRequest.queue, "contoso")
    run = await _next_run(api, "contoso", before)
    return "" if (run["state"], run["requestedBy"]) == ("done", "queue") else f"{run['state']} by {run['requestedBy']}"


async def _telemetry(deployment: Deployment, api: Api) -> str:
    """Request a run with a message that belongs to a trace, and wait until Application Insights has all signals."""
    before = await _newest(api, "contoso")
    message = {"tenant": "contoso", "traceparent": f"00-{_SAMPLED_TRACE}-{'1' * 16}-01"}
    await deployment.put_message(SyncRequest.queue, msgspec.json.encode(message).decode())
    await _next_run(api, "contoso", before)
    rows, missing = deployment.ingestion.rows, set[str]()
    deadline_s = monotonic() + _EXPORTED_S
    while monotonic() < deadline_s:
        kinds = ("RequestData", "RemoteDependencyData")
        spans = {row["name"] for kind in kinds for row in rows(kind) if row["trace"] == _SAMPLED_TRACE}
        events = {row["message"].split(" ")[0] for row in rows("MessageData")}
        metrics = {metric["name"] for row in rows("MetricData") for metric in row["metrics"]}
        missing = (_SPANS - spans) | (_EVENTS - events) | (_METRICS - metrics)
        if not missing:
            return ""
        await asyncio.sleep(_POLL_S)
    return f"Application Insights has not received {', '.join(sorted(missing))}"


async def _portal(deployment: Deployment) -> str:
    """Open the portal as a browser does, without a key."""
    async with aiohttp.ClientSession() as session, session.get(f"{deployment.info['api']}/portal") as answer:
        text = await answer.text()
    return "" if answer.status == HTTPStatus.OK and "<script" in text else f"status {answer.status}"


async def _renewal(deployment: Deployment, api: Api, simulator: Simulator) -> str:
    """Replace the secret of a connection by a new one, and sync with it."""
    secret = (await simulator.call("POST", "/directories/contoso/secrets", {"valid_days": 90}))["client_secret"]
    directory = deployment.info["directories"]["contoso"]
    body = {
        "tenantId": directory["azure_tenant_id"],
        "clientId": directory["application_id"],
        "objectId": directory["object_id"],
        "clientSecret": secret,
        "cloud": "global",
        "loginEndpoint": deployment.info["login"],
        "graphEndpoint": deployment.info["graph"],
    }
    await api.call("PUT", "/tenants/contoso/connection", body)
    run = await api.finished("contoso", await api.sync("contoso", mode="full"))
    return "" if run["state"] == "done" else f"a run ended as {run['state']}"


async def _removal(api: Api) -> str:
    """Delete a tenant with everything that belongs to it."""
    await api.call("DELETE", "/tenants/contoso")
    try:
        await api.call("GET", "/tenants/contoso")
    except ApiError as error:
        return "" if error.status == HTTPStatus.NOT_FOUND else f"status {error.status}"
    return "the tenant still exists"


async def _newest(api: Api, tenant: str) -> dict[str, Any]:
    newest: dict[str, Any] = (await api.call("GET", f"/tenants/{tenant}/runs"))["runs"][0]
    return newest


async def _next_run(api: Api, tenant: str, before: dict[str, Any]) -> dict[str, Any]:
    """Return the run after `before`, when it has ended."""
    async with asyncio.timeout(_RUN_TIMEOUT_S):
        while True:
            newest = await _newest(api, tenant)
            if newest["id"] != before["id"] and newest["state"] in ENDED:
                return newest
            await asyncio.sleep(_POLL_S)
