"""Routes for the emergency stop: pause and resume writing, for one tenant or for all."""

import azure.functions as func

from shared.bootstrap import app
from shared.domain.access.callers import name_of
from shared.triggers.http.framework.answers import Answer
from shared.triggers.http.framework.contracts import NO_TENANT, Contract, answers
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.triggers.http.schemas.operations import PauseOfAllView, TenantPauseView

bp = func.Blueprint()


@route(bp, "GET", "tenants/{tenant}/pause", Contract(answers=answers(TenantPauseView), problems=NO_TENANT))
async def tenant_pause_get(request: Request) -> Answer:
    """Return whether writing to the tenant's recipients is paused."""
    return Answer(TenantPauseView.of(await app().emergency_stop.get(request.tenant)))


@route(bp, "POST", "tenants/{tenant}/pause", Contract(answers=answers(TenantPauseView), problems=NO_TENANT))
async def tenant_pause(request: Request) -> Answer:
    """Pause all writing to the tenant's recipients: afterwards, nothing is written until it is resumed."""
    by = name_of(request.caller)
    return Answer(TenantPauseView.of(await app().emergency_stop.pause(request.tenant, by)))


@route(bp, "POST", "tenants/{tenant}/resume", Contract(answers=answers(TenantPauseView), problems=NO_TENANT))
async def tenant_resume(request: Request) -> Answer:
    """End the pause of a tenant. It stays paused while all tenants are."""
    by = name_of(request.caller)
    return Answer(TenantPauseView.of(await app().emergency_stop.resume(request.tenant, by)))


@route(bp, "GET", "pause", Contract(answers=answers(PauseOfAllView)))
async def pause_get(request: Request) -> Answer:
    """Return whether writing is paused for all tenants."""
    del request
    return Answer(PauseOfAllView.of(await app().emergency_stop.find_of_all()))


@route(bp, "POST", "pause", Contract(answers=answers(PauseOfAllView)))
async def pause_all(request: Request) -> Answer:
    """Pause all writing to recipients of all tenants: afterwards, nothing is written until it is resumed."""
    return Answer(PauseOfAllView.of(await app().emergency_stop.pause_all(name_of(request.caller))))


@route(bp, "POST", "resume", Contract(answers=answers(PauseOfAllView)))
async def resume_all(request: Request) -> Answer:
    """End the pause of all tenants. Tenants that were paused on their own stay paused."""
    await app().emergency_stop.resume_all(name_of(request.caller))
    return Answer(PauseOfAllView.of(await app().emergency_stop.find_of_all()))
