"""Routes for SSO users and the product users created from them."""

from http import HTTPStatus
from typing import Final

import azure.functions as func
import msgspec

from shared.bootstrap import app
from shared.domain.access.callers import name_of
from shared.domain.access.rate_limit import Expense
from shared.domain.access.sso_users import ProductUser, Role
from shared.triggers.http.framework.answers import Answer
from shared.triggers.http.framework.contracts import NO_TENANT, READS_DIRECTORY, Contract, answers
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.triggers.http.schemas.tenants import SsoUsersView, UsersView

bp = func.Blueprint()
_READS: Final = {
    404: (*READS_DIRECTORY[404], "application_not_found"),
    422: (*READS_DIRECTORY[422], "sso_users_off", "sso_required", "too_many_assignments"),
}


class UserBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Creates a product user: the person's object id and the role."""

    object_id: str
    role: Role


@route(
    bp,
    "GET",
    "tenants/{tenant}/sso-users",
    Contract(answers=answers(SsoUsersView), expense=Expense.SEARCH, problems=_READS),
)
async def sso_users_list(request: Request) -> Answer:
    """List the people assigned to the sign-in application, and whether they can become users."""
    return Answer(SsoUsersView(users=await app().sso_users.sso_users(request.tenant)))


@route(bp, "GET", "tenants/{tenant}/users", Contract(answers=answers(UsersView), problems=NO_TENANT))
async def users_list(request: Request) -> Answer:
    """List the product users."""
    return Answer(UsersView(users=await app().sso_users.product_users(request.tenant)))


@route(
    bp,
    "POST",
    "tenants/{tenant}/users",
    Contract(
        answers=answers(ProductUser, HTTPStatus.CREATED),
        body=UserBody,
        expense=Expense.SEARCH,
        problems={404: (*_READS[404], "not_assigned"), 422: (*_READS[422], "not_eligible")},
    ),
)
async def users_post(request: Request) -> Answer:
    """Create a product user from an SSO user."""
    body = request.body(UserBody)
    person = (await app().access.provider(request.tenant)).object_id(body.object_id)
    by = name_of(request.caller)
    return Answer(await app().sso_users.make_user(request.tenant, person, body.role, by), HTTPStatus.CREATED)
