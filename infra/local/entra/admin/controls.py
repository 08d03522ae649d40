"""Admin API: the clock, settings, faults, tokens, metrics, and starting anew."""

import msgspec
from aiohttp import web

from infra.local.entra.admin.bodies import STATE, body_of, reply
from infra.local.entra.state.faults import FaultWish


class _Advance(msgspec.Struct, forbid_unknown_fields=True):
    advance_s: float


async def health(request: web.Request) -> web.Response:
    """The three addresses."""
    state = request.app[STATE]
    return reply({"login": state.login, "graph": state.graph, "admin": state.admin})


async def reset(request: web.Request) -> web.Response:
    """Everything is as at start; tokens issued before stay valid."""
    request.app[STATE].reset()
    return reply({})


async def get_clock(request: web.Request) -> web.Response:
    """The simulator's time."""
    clock = request.app[STATE].clock
    return reply({"now": clock.now().isoformat(), "ahead_s": clock.ahead_s})


async def advance_clock(request: web.Request) -> web.Response:
    """It is later: secrets, delta tokens and page tokens age; access tokens do not."""
    request.app[STATE].clock.advance((await body_of(request, _Advance)).advance_s)
    return await get_clock(request)


async def get_settings(request: web.Request) -> web.Response:
    """All settings."""
    return reply(request.app[STATE].settings)


async def change_settings(request: web.Request) -> web.Response:
    """Some settings change."""
    state = request.app[STATE]
    state.settings = state.settings.changed(await request.read())
    return reply(state.settings)


async def list_faults(request: web.Request) -> web.Response:
    """What is armed, and how often each has happened."""
    return reply({"faults": request.app[STATE].faults.report()})


async def arm_fault(request: web.Request) -> web.Response:
    """Something will go wrong."""
    return reply({"id": request.app[STATE].faults.arm(await body_of(request, FaultWish))})


async def disarm_fault(request: web.Request) -> web.Response:
    """One fault is gone."""
    request.app[STATE].faults.disarm(int(request.match_info["fault"]))
    return reply({})


async def clear_faults(request: web.Request) -> web.Response:
    """Nothing goes wrong any more."""
    request.app[STATE].faults.clear()
    return reply({})


async def revoke_tokens(request: web.Request) -> web.Response:
    """Graph answers 401 to every token issued so far."""
    request.app[STATE].tokens.revoke_all()
    return reply({})


async def get_metrics(request: web.Request) -> web.Response:
    """Counts of requests."""
    return reply(request.app[STATE].metrics.report())


async def clear_metrics(request: web.Request) -> web.Response:
    """Counting begins anew."""
    request.app[STATE].metrics.clear()
    return reply({})
