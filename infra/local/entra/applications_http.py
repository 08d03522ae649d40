"""The three aiohttp applications and their routes."""

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from infra.local.entra.admin import (
    controls,
    directories,
    objects,
)
from infra.local.entra.admin.bodies import STATE, explain_mistakes
from infra.local.entra.graph.gateway import Graph
from infra.local.entra.http.wire import CAME_S, read, send
from infra.local.entra.login.consent_page import consent_page, error_page
from infra.local.entra.login.managed_identity import managed_identity
from infra.local.entra.login.token_endpoint import Login, TokenRequest
from infra.local.entra.state.simulator import State

_BODY_BYTES_MAX = 16 * 1024 * 1024
_ONE = "/admin/directories/{directory}"

_CONTROLS = (
    ("GET /admin", controls.health),
    ("POST /admin/reset", controls.reset),
    ("GET /admin/clock", controls.get_clock),
    ("POST /admin/clock", controls.advance_clock),
    ("GET /admin/settings", controls.get_settings),
    ("PATCH /admin/settings", controls.change_settings),
    ("GET /admin/faults", controls.list_faults),
    ("POST /admin/faults", controls.arm_fault),
    ("DELETE /admin/faults", controls.clear_faults),
    ("DELETE /admin/faults/{fault}", controls.disarm_fault),
    ("POST /admin/tokens/revoke", controls.revoke_tokens),
    ("GET /admin/metrics", controls.get_metrics),
    ("DELETE /admin/metrics", controls.clear_metrics),
)

_DIRECTORIES = (
    ("GET /admin/directories", directories.list_directories),
    ("POST /admin/directories", directories.create_directory),
    (f"GET {_ONE}", directories.get_directory),
    (f"DELETE {_ONE}", directories.delete_directory),
    (f"POST {_ONE}/roles", directories.change_roles),
    (f"PATCH {_ONE}/application", directories.change_application),
    (f"POST {_ONE}/secrets", directories.add_secret),
    (f"POST {_ONE}/secrets/{{secret}}/expire", directories.expire_secret),
    (f"DELETE {_ONE}/secrets/{{secret}}", directories.delete_secret),
    (f"POST {_ONE}/credentials", directories.add_credential),
    (f"GET {_ONE}/users", objects.list_users),
    (f"POST {_ONE}/users", objects.add_user),
    (f"PATCH {_ONE}/users/{{user}}", objects.change_user),
    (f"DELETE {_ONE}/users/{{user}}", objects.delete_user),
    (f"POST {_ONE}/users/{{user}}/restore", objects.restore_user),
    (f"POST {_ONE}/groups", objects.add_group),
    (f"PATCH {_ONE}/groups/{{group}}", objects.change_group),
    (f"DELETE {_ONE}/groups/{{group}}", objects.delete_group),
    (f"POST {_ONE}/groups/{{group}}/restore", objects.restore_group),
    (f"GET {_ONE}/groups/{{group}}/members", objects.list_members),
    (f"POST {_ONE}/groups/{{group}}/members", objects.change_members),
)


def login_application(state: State) -> web.Application:
    """Return the login service."""
    login = Login(state)

    async def token(request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        correlation_id = request.headers.get("client-request-id") or request.query.get("client-request-id")
        tenant = request.match_info["tenant"]
        return await send(request, login.token(TokenRequest(tenant=tenant, form=form, correlation_id=correlation_id)))

    async def configuration(request: web.Request) -> web.StreamResponse:
        return await send(request, login.openid_configuration(request.match_info["tenant"]))

    async def consent(request: web.Request) -> web.StreamResponse:
        accepted = request.method == "POST"
        return await send(request, consent_page(login, request.match_info["tenant"], request.query, accepted=accepted))

    async def instance(request: web.Request) -> web.StreamResponse:
        return await send(request, login.instance_discovery())

    async def keys(request: web.Request) -> web.StreamResponse:
        return await send(request, login.keys())

    async def error(request: web.Request) -> web.StreamResponse:
        return await send(request, error_page(request.query.get("code", "")))

    application = web.Application(middlewares=[_with_latency(state)])
    router = application.router
    router.add_get("/common/discovery/instance", instance)
    router.add_get("/error", error)
    router.add_post("/{tenant}/oauth2/v2.0/token", token)
    router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", configuration)
    router.add_get("/{tenant}/discovery/v2.0/keys", keys)
    for path in ("/{tenant}/v2.0/adminconsent", "/{tenant}/adminconsent"):
        router.add_get(path, consent)
        router.add_post(path, consent)
    return application


def graph_application(state: State) -> web.Application:
    """Return Microsoft Graph."""
    graph = Graph(state)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await send(request, graph.answer(await read(request)))

    application = web.Application(middlewares=[_with_latency(state)], client_max_size=_BODY_BYTES_MAX)
    application.router.add_route("*", "/{path:.*}", answer)
    return application


def admin_application(state: State) -> web.Application:
    """Return the admin API with the managed identity endpoint."""

    async def identity(request: web.Request) -> web.StreamResponse:
        whole = await read(request)
        return await send(request, managed_identity(state, request.query, whole.headers))

    application = web.Application(middlewares=[explain_mistakes], client_max_size=_BODY_BYTES_MAX)
    application[STATE] = state
    router = application.router
    router.add_get("/identity", identity)
    for address, handler in (*_CONTROLS, *_DIRECTORIES):
        method, _, path = address.partition(" ")
        router.add_route(method, path, handler)
    return application


def _with_latency(state: State) -> Middleware:
    """Return a middleware that records the arrival time and delays every request by `latency_ms`, concurrently.

    Requests whose delay ends at the same time are processed one per turn of the event loop. This way, the delay of a
    request that arrives in between starts immediately instead of after the last of them.
    """
    arrived = asyncio.Lock()

    @web.middleware
    async def late(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[CAME_S] = state.clock.epoch_s()
        if state.settings.latency_ms:
            await asyncio.sleep(state.settings.latency_ms / 1_000)
            async with arrived:
                await asyncio.sleep(0)
        return await handler(request)

    return late
