"""Routes for the directory connection (validate, connect, disconnect) and the sign-in application."""

from datetime import UTC, datetime
from typing import Final

import azure.functions as func
import msgspec

from shared.bootstrap import app
from shared.domain.access.rate_limit import Expense
from shared.domain.connections.connection import SsoApplication
from shared.domain.connections.connection_health import days_left
from shared.domain.connections.entra.guid import guid
from shared.domain.connections.providers import ConnectionBody, ConnectionDetails
from shared.domain.connections.validation_report import Report
from shared.triggers.http.framework.answers import Answer, tagged
from shared.triggers.http.framework.contracts import NO_TENANT, Contract, answers
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.triggers.http.schemas.connection import ConnectionView, OffView, SsoView
from shared.workflows.connections.connect import StoredConnection

bp = func.Blueprint()


class SsoBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The enterprise application that people use to sign in."""

    client_id: str
    object_id: str | None = None


#: The response after a connection was turned off.
_OFF: Final = OffView(
    state="off",
    erased=("tenantId", "clientId", "objectId", "credential"),
    kept=("recipients", "history", "locations", "mappings", "preferences"),
    detail="The connection is off. Its IDs and its credential were erased. To connect again, enter them again.",
)


@route(bp, "POST", "validate", Contract(answers=answers(Report), body=ConnectionBody, expense=Expense.VALIDATE))
async def validate(request: Request) -> Answer:
    """Validate credentials of a directory that is not for a tenant yet, without storing them."""
    return Answer(await app().connect.check(request.body(ConnectionBody), request.caller))


@route(
    bp,
    "POST",
    "tenants/{tenant}/validate",
    Contract(answers=answers(Report), body=ConnectionBody, expense=Expense.VALIDATE, problems=NO_TENANT),
)
async def validate_for_tenant(request: Request) -> Answer:
    """Validate credentials of a directory for a tenant, without storing them."""
    return Answer(await app().connect.check(request.body(ConnectionBody), request.caller, request.tenant))


@route(
    bp,
    "PUT",
    "tenants/{tenant}/sso",
    Contract(answers=answers(SsoView), body=SsoBody, tagged=True, conditional=True, problems=NO_TENANT),
)
async def sso_put(request: Request) -> Answer:
    """Store the sign-in application."""
    body = request.body(SsoBody)
    sso = SsoApplication(client_id=guid(body.client_id), object_id=guid(body.object_id) if body.object_id else None)
    tag = await app().connect.put_sso(request.tenant, sso, request.condition())
    return Answer(_sso_view(sso), headers=tagged(tag))


@route(
    bp,
    "GET",
    "tenants/{tenant}/sso",
    Contract(answers=answers(SsoView), tagged=True, problems={404: ("tenant_not_found", "sso_not_found")}),
)
async def sso_get(request: Request) -> Answer:
    """Return the sign-in application."""
    sso, tag = await app().connect.sso(request.tenant)
    return Answer(_sso_view(sso), headers=tagged(tag))


@route(bp, "DELETE", "tenants/{tenant}/sso", Contract(answers=answers(OffView), conditional=True, problems=NO_TENANT))
async def sso_delete(request: Request) -> Answer:
    """Remove the sign-in application and the connection."""
    await app().connect.remove_sso(request.tenant, request.condition())
    return Answer(_OFF)


@route(
    bp, "GET", "tenants/{tenant}/connection", Contract(answers=answers(ConnectionView), tagged=True, problems=NO_TENANT)
)
async def connection_get(request: Request) -> Answer:
    """Return the connection without its secret."""
    connection, tag = await app().connect.connection(request.tenant)
    return Answer(_view(connection), headers=tagged(tag))


@route(
    bp,
    "PUT",
    "tenants/{tenant}/connection",
    Contract(
        answers=answers(ConnectionView),
        body=ConnectionBody,
        tagged=True,
        conditional=True,
        expense=Expense.CONNECT,
        problems={
            **NO_TENANT,
            409: ("sso_changed",),
            422: ("sso_required", "connection_refused"),
            503: ("connection_unchecked",),
        },
    ),
)
async def connection_put(request: Request) -> Answer:
    """Validate and store credentials and turn the connection on; 422 with the report if they are refused."""
    form, condition = request.body(ConnectionBody), request.condition()
    report, tag = await app().connect.connect(request.tenant, form, request.caller, condition)
    view = _view((await app().connect.connection(request.tenant)).value)
    return Answer(msgspec.structs.replace(view, report=report), headers=tagged(tag))


@route(
    bp,
    "DELETE",
    "tenants/{tenant}/connection",
    Contract(answers=answers(OffView), conditional=True, problems=NO_TENANT),
)
async def connection_delete(request: Request) -> Answer:
    """Turn the connection off and erase its ids and its secret."""
    await app().connect.disconnect(request.tenant, request.condition())
    return Answer(_OFF)


@route(
    bp,
    "POST",
    "tenants/{tenant}/connection/validate",
    Contract(
        answers=answers(Report),
        expense=Expense.VALIDATE,
        problems={404: ("tenant_not_found", "not_connected"), 422: ("secret_not_found",)},
    ),
)
async def connection_validate(request: Request) -> Answer:
    """Validate the stored connection."""
    return Answer(await app().connect.check_stored(request.tenant, request.caller))


def _sso_view(sso: SsoApplication) -> SsoView:
    return SsoView(client_id=sso.client_id, object_id=sso.object_id)


def _view(stored: StoredConnection | None) -> ConnectionView:
    if stored is None:
        return ConnectionView(state="off")
    connection, health = stored.connection, stored.health
    ends = connection.secret_expires_on
    return ConnectionView(
        state=health.state.value,
        reason=health.reason,
        since=health.since,
        retry_at=health.retry_at,
        connected_at=connection.connected_at,
        secret_expires_on=ends,
        secret_days_left=days_left(ends, datetime.now(UTC)) if ends else None,
        **msgspec.structs.asdict(ConnectionDetails.of(connection)),
    )
