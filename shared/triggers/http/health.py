"""The probe: whether the app has what it needs to start."""

import azure.functions as func

from shared.bootstrap import app
from shared.triggers.http.answers import Answer
from shared.triggers.http.requests import Request
from shared.triggers.http.routing import route

bp = func.Blueprint()


@route(bp, "GET", "health")
async def health(_: Request) -> Answer:
    """Answer ok, or 503 naming every setting that is missing or wrong."""
    app()
    return Answer({"status": "ok"})
