"""Tenants and their preferences; the operator's ledger."""

from http import HTTPStatus

import azure.functions as func
import msgspec

from shared.bootstrap import app
from shared.domain.callers import Admins
from shared.domain.email_filter import EmailFilter
from shared.domain.filters import Attribute
from shared.domain.preferences import Preferences
from shared.triggers.http.answers import Answer
from shared.triggers.http.requests import Request
from shared.triggers.http.routing import route

bp = func.Blueprint()


class TenantBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What creates or renames a tenant."""

    name: str


class FilterTestBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """An address, and the filter that it is held against."""

    sso_filter: EmailFilter
    address: str


@route(bp, "GET", "me")
async def me(request: Request) -> Answer:
    """Answer who is asking, and which tenants they administer by grant; the operator sees all."""
    return Answer(await app().authorize.introduce(request.caller))


@route(bp, "GET", "tenants")
async def tenants_list(_: Request) -> Answer:
    """Answer all tenants."""
    return Answer({"tenants": await app().configure.all_tenants()})


@route(bp, "GET", "tenants/{tenant}")
async def tenants_get(request: Request) -> Answer:
    """Answer one tenant."""
    return Answer(await app().configure.tenant(request.tenant))


@route(bp, "PUT", "tenants/{tenant}")
async def tenants_put(request: Request) -> Answer:
    """Create a tenant, or rename it."""
    tenant, new = await app().configure.put_tenant(request.tenant, request.body(TenantBody).name)
    return Answer(tenant, HTTPStatus.CREATED if new else HTTPStatus.OK)


@route(bp, "DELETE", "tenants/{tenant}")
async def tenants_delete(request: Request) -> Answer:
    """Erase everything of a tenant."""
    await app().configure.delete_tenant(request.tenant)
    return Answer(status=HTTPStatus.NO_CONTENT)


@route(bp, "GET", "tenants/{tenant}/admins")
async def admins_get(request: Request) -> Answer:
    """Answer who may administer a tenant, besides operators."""
    return Answer(await app().configure.admins(request.tenant))


@route(bp, "PUT", "tenants/{tenant}/admins")
async def admins_put(request: Request) -> Answer:
    """Let exactly these administer a tenant, besides operators."""
    return Answer(await app().configure.put_admins(request.tenant, request.body(Admins)))


@route(bp, "GET", "tenants/{tenant}/preferences")
async def preferences_get(request: Request) -> Answer:
    """Answer a tenant's preferences."""
    return Answer(await app().configure.preferences(request.tenant))


@route(bp, "PUT", "tenants/{tenant}/preferences")
async def preferences_put(request: Request) -> Answer:
    """Replace a tenant's preferences; what is left out takes its default."""
    return Answer(await app().configure.put_preferences(request.tenant, request.body(Preferences)))


@route(bp, "POST", "tenants/{tenant}/email-filter-tests")
async def email_filter_tests(request: Request) -> Answer:
    """Answer whether an address would pass a filter, which need not be saved."""
    body = request.body(FilterTestBody)
    body.sso_filter.require_sense()
    return Answer({"passes": body.sso_filter.accepts(body.address)})


@route(bp, "GET", "tenants/{tenant}/attribute-values")
async def attribute_values(request: Request) -> Answer:
    """Answer the values that people have in an attribute, and which location each means by the location rule."""
    attribute = request.choice("attribute", Attribute) or Attribute.OFFICE_LOCATION
    return Answer({"values": await app().observe.values(request.tenant, attribute)})


@route(bp, "GET", "ledger")
async def ledger_get(_: Request) -> Answer:
    """Answer what needs the operator's eye, newest first."""
    return Answer({"entries": await app().observe.entries()})
