"""The three aiohttp applications: which address leads where."""

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from infra.local.entra.admin import (
    controls as admin_controls,
)
from infra.local.entra.admin import (
    directories as admin_directories,
)
from infra.local.entra.admin import (
    objects as admin_objects,
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
    ("GET /admin", admin_controls.health),
    ("POST /admin/reset", admin_controls.reset),
    ("GET /admin/clock", admin_controls.get_clock),
    ("POST /admin/clock", admin_controls.advance_clock),
    ("GET /admin/settings", admin_controls.get_settings),
    ("PATCH /admin/settings", admin_controls.change_settings),
    ("GET /admin/faults", admin_controls.list_faults),
    ("POST /admin/faults", admin_controls.arm_fault),
    ("DELETE /admin/faults", admin_controls.clear_faults),
    ("DELETE /admin/faults/{fault}", admin_controls.disarm_fault),
    ("POST /admin/tokens/revoke", admin_controls.revoke_tokens),
    ("GET /admin/metrics", admin_controls.get_metrics),
    ("DELETE /admin/metrics", admin_controls.clear_metrics),
)

_DIRECTORIES = (
    ("GET /admin/directories", admin_directories.list_directories),
    ("POST /admin/directories", admin_directories.create_directory),
    (f"GET {_ONE}", admin_directories.get_directory),
    (f"DELETE {_ONE}", admin_directories.delete_directory),
    (f"POST {_ONE}/roles", admin_directories.change_roles),
    (f"PATCH {_ONE}/application", admin_directories.change_application),
    (f"POST {_ONE}/secrets", admin_directories.add_secret),
    (f"POST {_ONE}/secrets/{{secret}}/expire", admin_directories.expire_secret),
    (f"DELETE {_ONE}/secrets/{{secret}}", admin_directories.delete_secret),
    (f"POST {_ONE}/credentials", admin_directories.add_credential),
    (f"GET {_ONE}/users", admin_objects.list_users),
    (f"POST {_ONE}/users", admin_objects.add_user),
    (f"PATCH {_ONE}/users/{{user}}", admin_objects.change_user),
    (f"DELETE {_ONE}/users/{{user}}", admin_objects.delete_user),
    (f"POST {_ONE}/users/{{user}}/restore", admin_objects.restore_user),
    (f"POST {_ONE}/groups", admin_objects.add_group),
    (f"PATCH {_ONE}/groups/{{group}}", admin_objects.change_group),
    (f"DELETE {_ONE}/groups/{{group}}", admin_objects.delete_group),
    (f"POST {_ONE}/groups/{{group}}/restore", admin_objects.restore_group),
    (f"GET {_ONE}/groups/{{group}}/members", admin_objects.list_members),
    (f"POST {_ONE}/groups/{{group}}/members", admin_objects.change_members),
)


def login_application(state: State) -> web.Application:
    """The login service."""
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

    application = web.Application(middlewares=[_far_away(state)])
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
    """Microsoft Graph."""
    graph = Graph(state)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await send(request, graph.answer(await read(request)))

    application = web.Application(middlewares=[_far_away(state)], client_max_size=_BODY_BYTES_MAX)
    application.router.add_route("*", "/{path:.*}", answer)
    return application


def admin_application(state: State) -> web.Application:
    """The admin API, and the managed identity endpoint."""

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


def _far_away(state: State) -> Middleware:
    """Notes when a request came, and lets it wait for `latency_ms`, in real time and beside all others.

    Those whose wait is over at the same time are answered in a round of the event loop each: the wait of whoever comes
    meanwhile begins at once, not when the last of them is answered.
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
