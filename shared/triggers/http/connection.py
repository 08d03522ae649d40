"""Credentials: validated, stored and switched on, switched off and erased; and the sign-in application."""

from datetime import UTC, datetime
from typing import Final

import azure.functions as func
import msgspec

from shared.bootstrap import app
from shared.domain.connection import SsoApplication
from shared.domain.entries import Entries
from shared.domain.health import days_left
from shared.domain.ids import object_id
from shared.triggers.http.answers import Answer
from shared.triggers.http.requests import Request
from shared.triggers.http.routing import route
from shared.workflows.connect import StoredConnection

bp = func.Blueprint()


class SsoBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The enterprise application that people sign in with."""

    client_id: str
    object_id: str | None = None


#: What is left and what is gone once a connection is off.
_OFF: Final = {
    "state": "off",
    "erased": ["tenantId", "clientId", "objectId", "credential"],
    "kept": ["recipients", "history", "locations", "mappings", "preferences"],
    "detail": "The connection is off. Its ids and its credential are erased; to switch it on, enter them again.",
}


@route(bp, "POST", "validate")
async def validate(request: Request) -> Answer:
    """Answer everything that is wrong with credentials that are not stored."""
    return Answer(await app().connect.check(request.body(Entries), request.caller))


@route(bp, "GET", "tenants/{tenant}/sso")
async def sso_get(request: Request) -> Answer:
    """Answer the sign-in application; 404 if there is none."""
    return Answer(await app().connect.sso(request.tenant))


@route(bp, "PUT", "tenants/{tenant}/sso")
async def sso_put(request: Request) -> Answer:
    """Store the sign-in application."""
    body = request.body(SsoBody)
    sso = SsoApplication(
        client_id=object_id(body.client_id), object_id=object_id(body.object_id) if body.object_id else None
    )
    await app().connect.put_sso(request.tenant, sso)
    return Answer(body)


@route(bp, "DELETE", "tenants/{tenant}/sso")
async def sso_delete(request: Request) -> Answer:
    """Remove the sign-in application, and the connection with it."""
    await app().connect.remove_sso(request.tenant)
    return Answer(_OFF)


@route(bp, "GET", "tenants/{tenant}/connection")
async def connection_get(request: Request) -> Answer:
    """Answer the connection without its secret."""
    return Answer(_view(await app().connect.connection(request.tenant)))


@route(bp, "PUT", "tenants/{tenant}/connection")
async def connection_put(request: Request) -> Answer:
    """Validate credentials, store them and switch the connection on; 422 with the report if they are refused."""
    report = await app().connect.connect(request.tenant, request.body(Entries), request.caller)
    return Answer({**_view(await app().connect.connection(request.tenant)), "report": report})


@route(bp, "DELETE", "tenants/{tenant}/connection")
async def connection_delete(request: Request) -> Answer:
    """Switch the connection off, and erase its ids and secret."""
    await app().connect.disconnect(request.tenant)
    return Answer(_OFF)


@route(bp, "POST", "tenants/{tenant}/connection/validate")
async def connection_validate(request: Request) -> Answer:
    """Answer the report of the stored connection."""
    return Answer(await app().connect.check_stored(request.tenant, request.caller))


def _view(stored: StoredConnection | None) -> dict[str, object]:
    if stored is None:
        return {"state": "off"}
    connection, health = stored.connection, stored.health
    ends = connection.secret_expires_on
    return {
        "state": health.state,
        "reason": health.reason,
        "since": health.since,
        "retryAt": health.retry_at,
        "tenantId": connection.azure_tenant_id,
        "clientId": connection.client_id,
        "objectId": connection.object_id,
        "credential": connection.kind,
        "cloud": connection.cloud,
        "loginEndpoint": connection.endpoints.login,
        "graphEndpoint": connection.endpoints.graph,
        "connectedAt": connection.connected_at,
        "secretExpiresOn": ends,
        "secretDaysLeft": days_left(ends, datetime.now(UTC)) if ends else None,
    }
