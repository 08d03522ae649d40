"""Route for the health checks of the deployment, for operators."""

import azure.functions as func

from shared.bootstrap import app
from shared.triggers.http.framework.answers import Answer
from shared.triggers.http.framework.contracts import Contract, answers
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.workflows.operations.health_check import Diagnosis

bp = func.Blueprint()


@route(bp, "GET", "doctor", Contract(answers=answers(Diagnosis)))
async def doctor(_: Request) -> Answer:
    """Check all dependencies of the app and return what is wrong and how to fix it."""
    return Answer(await app().doctor())
