"""Admin API: the clock, settings, faults, tokens, metrics, and the reset."""

import msgspec
from aiohttp import web

from infra.local.entra.admin.bodies import STATE, body_of, reply
from infra.local.entra.state.faults import FaultWish


class _Advance(msgspec.Struct, forbid_unknown_fields=True):
    advance_s: float


async def health(request: web.Request) -> web.Response:
    """Return the three addresses."""
    state = request.app[STATE]
    return reply({"login": state.login, "graph": state.graph, "admin": state.admin})


async def reset(request: web.Request) -> web.Response:
    """Restore the initial state. Tokens issued before stay valid."""
    request.app[STATE].reset()
    return reply({})


async def get_clock(request: web.Request) -> web.Response:
    """Return the simulated time."""
    clock = request.app[STATE].clock
    return reply({"now": clock.now().isoformat(), "ahead_s": clock.ahead_s})


async def advance_clock(request: web.Request) -> web.Response:
    """Advance the clock: secrets, delta tokens and page tokens age, access tokens do not."""
    request.app[STATE].clock.advance((await body_of(request, _Advance)).advance_s)
    return await get_clock(request)


async def get_settings(request: web.Request) -> web.Response:
    """Return all settings."""
    return reply(request.app[STATE].settings)


async def change_settings(request: web.Request) -> web.Response:
    """Change some settings."""
    state = request.app[STATE]
    state.settings = state.settings.changed(await request.read())
    return reply(state.settings)


async def list_faults(request: web.Request) -> web.Response:
    """Return the armed faults and how often each has occurred."""
    return reply({"faults": request.app[STATE].faults.report()})


async def arm_fault(request: web.Request) -> web.Response:
    """Arm a fault."""
    return reply({"id": request.app[STATE].faults.arm(await body_of(request, FaultWish))})


async def disarm_fault(request: web.Request) -> web.Response:
    """Remove one fault."""
    request.app[STATE].faults.disarm(int(request.match_info["fault"]))
    return reply({})


async def clear_faults(request: web.Request) -> web.Response:
    """Remove all faults."""
    request.app[STATE].faults.clear()
    return reply({})


async def revoke_tokens(request: web.Request) -> web.Response:
    """Revoke all tokens issued so far: Graph answers 401 to them."""
    request.app[STATE].tokens.revoke_all()
    return reply({})


async def get_metrics(request: web.Request) -> web.Response:
    """Return the request counts."""
    return reply(request.app[STATE].metrics.report())


async def clear_metrics(request: web.Request) -> web.Response:
    """Reset the request counts."""
    request.app[STATE].metrics.clear()
    return reply({})
