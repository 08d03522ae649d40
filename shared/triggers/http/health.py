"""Health probe: checks that the app can start."""

import azure.functions as func

from shared.bootstrap import app
from shared.triggers.http.framework.answers import Answer
from shared.triggers.http.framework.contracts import Contract, answers
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.triggers.http.schemas.operations import HealthView

bp = func.Blueprint()


@route(bp, "GET", "health", Contract(answers=answers(HealthView), problems={503: ("settings",)}))
async def health(_: Request) -> Answer:
    """Return ok, or 503 with all missing or invalid settings."""
    app()
    return Answer(HealthView(status="ok"))
