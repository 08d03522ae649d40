"""Health probes: the process runs, the app can start, its dependencies respond. Public, and without any secret."""

from http import HTTPStatus

import azure.functions as func

from shared.bootstrap import app
from shared.triggers.http.framework.answers import Answer
from shared.triggers.http.framework.contracts import Contract, answers
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.triggers.http.schemas.operations import HealthView
from shared.workflows.operations.readiness import KEPT, Readiness

bp = func.Blueprint()


@route(bp, "GET", "health", Contract(answers=answers(HealthView), problems={503: ("settings",)}))
async def health(_: Request) -> Answer:
    """Return ok, or 503 with all missing or invalid settings."""
    app()
    return Answer(HealthView(status="ok"))


@route(bp, "GET", "health/live", Contract(answers=answers(HealthView)))
async def live(_: Request) -> Answer:
    """Return ok if the process runs, whatever its settings and dependencies are."""
    return Answer(HealthView(status="ok"))


@route(
    bp,
    "GET",
    "health/ready",
    Contract(
        answers={HTTPStatus.OK: Readiness, HTTPStatus.SERVICE_UNAVAILABLE: Readiness}, problems={503: ("settings",)}
    ),
)
async def ready(_: Request) -> Answer:
    """Return each dependency with its latency, at most ten seconds old; 503 if one does not respond as expected."""
    readiness = await app().readiness()
    if readiness.ok:
        return Answer(readiness)
    retry_after = {"Retry-After": f"{KEPT.total_seconds():.0f}"}
    return Answer(readiness, HTTPStatus.SERVICE_UNAVAILABLE, headers=retry_after)
