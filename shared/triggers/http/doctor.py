"""The deployment examines itself, for the operator."""

import azure.functions as func

from shared.bootstrap import app
from shared.triggers.http.answers import Answer
from shared.triggers.http.contracts import Contract, answers
from shared.triggers.http.requests import Request
from shared.triggers.http.routing import route
from shared.workflows.doctor import Diagnosis

bp = func.Blueprint()


@route(bp, "GET", "doctor", Contract(answers=answers(Diagnosis)))
async def doctor(_: Request) -> Answer:
    """Try everything that the app depends on, and answer what is wrong and what to do."""
    return Answer(await app().doctor())
