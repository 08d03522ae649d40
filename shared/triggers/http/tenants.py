"""Tenants and their preferences."""

from http import HTTPStatus

import azure.functions as func
import msgspec

from shared.bootstrap import app
from shared.domain.access.callers import Admins
from shared.domain.access.tenants import TenantSummary
from shared.domain.optimistic_locking import Part
from shared.domain.preferences.email_filter import EmailFilter
from shared.domain.preferences.filters import Attribute
from shared.domain.preferences.preferences import Preferences
from shared.triggers.http.framework.answers import Answer, tagged
from shared.triggers.http.framework.contracts import NO_CONTENT, NO_TENANT, Contract, answers, one_of, paged
from shared.triggers.http.framework.paging import cursor_of, limit_of, position_of
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.triggers.http.schemas.tenants import AttributeValuesView, FilterTestView, TenantsView
from shared.workflows.tenants.authorize import Introduction

bp = func.Blueprint()


class TenantBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What creates or renames a tenant."""

    name: str


class FilterTestBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """An address, and the filter that it is held against."""

    sso_filter: EmailFilter
    address: str


@route(bp, "GET", "me", Contract(answers=answers(Introduction)))
async def me(request: Request) -> Answer:
    """Answer who is asking, and which tenants they administer by grant; the operator sees all."""
    return Answer(await app().authorize.introduce(request.caller))


@route(bp, "GET", "tenants", Contract(answers=answers(TenantsView), query=paged()))
async def tenants_list(request: Request) -> Answer:
    """Answer a page of all tenants, by id."""
    after = position_of(request, str, "tenants") or ""
    found, end = await app().configure.all_tenants(after, limit_of(request))
    return Answer(TenantsView(tenants=found, cursor=cursor_of(end, "tenants")))


@route(bp, "GET", "tenants/{tenant}", Contract(answers=answers(TenantSummary), tagged=True, problems=NO_TENANT))
async def tenants_get(request: Request) -> Answer:
    """Answer one tenant."""
    tag = await app().configure.tag(request.tenant, Part.TENANT)
    return Answer(await app().configure.tenant(request.tenant), headers=tagged(tag))


@route(
    bp,
    "PUT",
    "tenants/{tenant}",
    Contract(
        answers={HTTPStatus.OK: TenantSummary, HTTPStatus.CREATED: TenantSummary},
        body=TenantBody,
        tagged=True,
        conditional=True,
        problems={400: ("invalid_name",), 409: ("sweeping",)},
    ),
)
async def tenants_put(request: Request) -> Answer:
    """Create a tenant, or rename it."""
    name = request.body(TenantBody).name
    (tenant, tag), new = await app().configure.put_tenant(request.tenant, name, request.condition())
    return Answer(tenant, HTTPStatus.CREATED if new else HTTPStatus.OK, headers=tagged(tag))


@route(
    bp,
    "DELETE",
    "tenants/{tenant}",
    Contract(answers=NO_CONTENT, conditional=True, problems={**NO_TENANT, 409: ("conflict",)}),
)
async def tenants_delete(request: Request) -> Answer:
    """Erase everything of a tenant."""
    await app().configure.delete_tenant(request.tenant, request.condition())
    return Answer(status=HTTPStatus.NO_CONTENT)


@route(bp, "GET", "tenants/{tenant}/admins", Contract(answers=answers(Admins), tagged=True, problems=NO_TENANT))
async def admins_get(request: Request) -> Answer:
    """Answer who may administer a tenant, besides operators."""
    tag = await app().configure.tag(request.tenant, Part.ADMINS)
    return Answer(await app().configure.admins(request.tenant), headers=tagged(tag))


@route(
    bp,
    "PUT",
    "tenants/{tenant}/admins",
    Contract(
        answers=answers(Admins),
        body=Admins,
        tagged=True,
        conditional=True,
        problems={**NO_TENANT, 422: ("too_many_admins",)},
    ),
)
async def admins_put(request: Request) -> Answer:
    """Let exactly these administer a tenant, besides operators."""
    admins, tag = await app().configure.put_admins(request.tenant, request.body(Admins), request.condition())
    return Answer(admins, headers=tagged(tag))


@route(
    bp, "GET", "tenants/{tenant}/preferences", Contract(answers=answers(Preferences), tagged=True, problems=NO_TENANT)
)
async def preferences_get(request: Request) -> Answer:
    """Answer a tenant's preferences."""
    tag = await app().configure.tag(request.tenant, Part.PREFERENCES)
    return Answer(await app().configure.preferences(request.tenant), headers=tagged(tag))


@route(
    bp,
    "PUT",
    "tenants/{tenant}/preferences",
    Contract(
        answers=answers(Preferences),
        body=Preferences,
        body_required=False,
        tagged=True,
        conditional=True,
        problems={**NO_TENANT, 400: ("invalid_preferences",)},
    ),
)
async def preferences_put(request: Request) -> Answer:
    """Replace a tenant's preferences; what is left out takes its default."""
    preferences, tag = await app().configure.put_preferences(
        request.tenant, request.body(Preferences), request.condition()
    )
    return Answer(preferences, headers=tagged(tag))


@route(
    bp,
    "POST",
    "tenants/{tenant}/email-filter-tests",
    Contract(answers=answers(FilterTestView), body=FilterTestBody, problems=NO_TENANT),
)
async def email_filter_tests(request: Request) -> Answer:
    """Answer whether an address would pass a filter, which need not be saved."""
    body = request.body(FilterTestBody)
    body.sso_filter.require_sense()
    return Answer(FilterTestView(passes=body.sso_filter.accepts(body.address)))


@route(
    bp,
    "GET",
    "tenants/{tenant}/attribute-values",
    Contract(
        answers=answers(AttributeValuesView),
        query=(one_of("attribute", "Whose values; `officeLocation` if left out.", Attribute),),
        problems=NO_TENANT,
    ),
)
async def attribute_values(request: Request) -> Answer:
    """Answer the values that people have in an attribute, and which location each means by the location rule."""
    attribute = request.choice("attribute", Attribute) or Attribute("officeLocation")
    return Answer(AttributeValuesView(values=await app().observe.values(request.tenant, attribute)))
