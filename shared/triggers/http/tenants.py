"""Routes for tenants, their admins and their preferences."""

from http import HTTPStatus

import azure.functions as func
import msgspec

from shared.bootstrap import app
from shared.domain import ids
from shared.domain.access.callers import Admins, Person
from shared.domain.access.rate_limit import Expense
from shared.domain.access.tenants import TenantSummary
from shared.domain.preferences.email_filter import EmailFilter
from shared.domain.preferences.filters import Attribute
from shared.domain.preferences.preferences import Preferences
from shared.triggers.http.framework.answers import Answer, tagged
from shared.triggers.http.framework.contracts import NO_TENANT, Contract, answers, one_of, paged
from shared.triggers.http.framework.paging import cursor_of, limit_of, position_of
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.triggers.http.schemas.tenants import (
    AdminsBody,
    AttributeValuesView,
    DeletionView,
    FilterTestView,
    PreferencesBody,
    TenantsView,
)
from shared.workflows.tenants.authorize import Introduction

bp = func.Blueprint()


class TenantBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Creates or renames a tenant."""

    name: str


class FilterTestBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """An e-mail address and the filter to test it with."""

    sso_filter: EmailFilter
    address: str


def _introducing(request: Request) -> Expense:
    """Return what introducing a caller costs: for a person, the admins of all tenants are read."""
    return Expense.SEARCH if isinstance(request.caller, Person) else Expense.OTHER


@route(bp, "GET", "me", Contract(answers=answers(Introduction), expense=_introducing))
async def me(request: Request) -> Answer:
    """Return the caller and the tenants that they administer."""
    return Answer(await app().authorize.introduce(request.caller))


@route(bp, "GET", "tenants", Contract(answers=answers(TenantsView), query=paged()))
async def tenants_list(request: Request) -> Answer:
    """List all tenants, sorted by id."""
    after = position_of(request, str, "tenants", id_of=ids.tenant_id) or ""
    tenants, end = await app().tenants.list_all(after, limit_of(request))
    return Answer(TenantsView(tenants=tenants, cursor=cursor_of(end, "tenants")))


@route(bp, "GET", "tenants/{tenant}", Contract(answers=answers(TenantSummary), tagged=True, problems=NO_TENANT))
async def tenants_get(request: Request) -> Answer:
    """Return a tenant."""
    tenant, tag = await app().tenants.get_tagged(request.tenant)
    return Answer(tenant, headers=tagged(tag))


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
    """Create or rename a tenant."""
    name = request.body(TenantBody).name
    (tenant, tag), new = await app().tenants.put(request.tenant, name, request.condition())
    return Answer(tenant, HTTPStatus.CREATED if new else HTTPStatus.OK, headers=tagged(tag))


@route(
    bp,
    "DELETE",
    "tenants/{tenant}",
    Contract(
        answers={HTTPStatus.NO_CONTENT: None, HTTPStatus.ACCEPTED: DeletionView},
        conditional=True,
        problems={**NO_TENANT, 409: ("conflict",)},
    ),
)
async def tenants_delete(request: Request) -> Answer:
    """Erase a tenant and all its data. With 202, the rest of a large tenant is erased within minutes."""
    deletion = await app().tenants.delete(request.tenant, request.condition())
    if deletion is None or deletion.empty_at is not None:
        return Answer(status=HTTPStatus.NO_CONTENT)
    return Answer(DeletionView.of(request.tenant, deletion), HTTPStatus.ACCEPTED)


@route(
    bp,
    "GET",
    "tenants/{tenant}/deletion",
    Contract(answers=answers(DeletionView), problems={404: ("deletion_not_found",)}),
)
async def tenants_deletion(request: Request) -> Answer:
    """Return how far the deletion of a tenant is, until its id can be used again."""
    return Answer(DeletionView.of(request.tenant, await app().deletion.get(request.tenant)))


@route(bp, "GET", "tenants/{tenant}/admins", Contract(answers=answers(Admins), tagged=True, problems=NO_TENANT))
async def admins_get(request: Request) -> Answer:
    """List the admins of a tenant."""
    admins, tag = await app().tenants.get_admins(request.tenant)
    return Answer(admins, headers=tagged(tag))


@route(
    bp,
    "PUT",
    "tenants/{tenant}/admins",
    Contract(
        answers=answers(AdminsBody),
        body=AdminsBody,
        tagged=True,
        conditional=True,
        problems={**NO_TENANT, 422: ("too_many_admins",)},
    ),
)
async def admins_put(request: Request) -> Answer:
    """Replace the admins of a tenant."""
    admins = request.body(AdminsBody).admins()
    stored, tag, before = await app().tenants.put_admins(request.tenant, admins, request.condition())
    request.trail.changed(before, stored)
    return Answer(AdminsBody.of(stored, request.left_out(before, stored)), headers=tagged(tag))


@route(
    bp, "GET", "tenants/{tenant}/preferences", Contract(answers=answers(Preferences), tagged=True, problems=NO_TENANT)
)
async def preferences_get(request: Request) -> Answer:
    """Return the preferences of a tenant."""
    preferences, tag = await app().preferences.get(request.tenant)
    return Answer(preferences, headers=tagged(tag))


@route(
    bp,
    "PUT",
    "tenants/{tenant}/preferences",
    Contract(
        answers=answers(PreferencesBody),
        body=PreferencesBody,
        tagged=True,
        conditional=True,
        problems={**NO_TENANT, 400: ("invalid_preferences",)},
    ),
)
async def preferences_put(request: Request) -> Answer:
    """Replace the preferences of a tenant; missing values get their defaults, and `reset` names those that changed."""
    preferences = request.body(PreferencesBody).preferences()
    stored, tag, before = await app().preferences.put(request.tenant, preferences, request.condition())
    request.trail.changed(before, stored)
    return Answer(PreferencesBody.of(stored, request.left_out(before, stored)), headers=tagged(tag))


@route(
    bp,
    "POST",
    "tenants/{tenant}/email-filter-tests",
    Contract(answers=answers(FilterTestView), body=FilterTestBody, problems=NO_TENANT),
)
async def email_filter_tests(request: Request) -> Answer:
    """Test an e-mail address against an unsaved e-mail filter."""
    body = request.body(FilterTestBody)
    await app().tenants.get(request.tenant)
    body.sso_filter.require_sense()
    return Answer(FilterTestView(passes=body.sso_filter.accepts(body.address)))


@route(
    bp,
    "GET",
    "tenants/{tenant}/attribute-values",
    Contract(
        answers=answers(AttributeValuesView),
        expense=Expense.SEARCH,
        query=(one_of("attribute", "The attribute; `officeLocation` by default.", Attribute),),
        problems=NO_TENANT,
    ),
)
async def attribute_values(request: Request) -> Answer:
    """List the values of an attribute and the location that the location rule assigns to each value."""
    attribute = request.choice("attribute", Attribute) or Attribute("officeLocation")
    return Answer(AttributeValuesView(values=await app().recipient_queries.attribute_values(request.tenant, attribute)))
