"""Who may sign in, and who of them is a user of the product."""

from http import HTTPStatus

import azure.functions as func
import msgspec

from shared.bootstrap import app
from shared.domain.callers import name_of
from shared.domain.ids import object_id
from shared.domain.sso_users import Role
from shared.triggers.http.answers import Answer
from shared.triggers.http.requests import Request
from shared.triggers.http.routing import route

bp = func.Blueprint()


class UserBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Whom to make a user, and in which role."""

    object_id: str
    role: Role


@route(bp, "GET", "tenants/{tenant}/sso-users")
async def sso_users_list(request: Request) -> Answer:
    """Answer who is assigned to the sign-in application, and who of them may become a user."""
    return Answer({"users": await app().sign_ins.sso_users(request.tenant)})


@route(bp, "GET", "tenants/{tenant}/users")
async def users_list(request: Request) -> Answer:
    """Answer the users of the product."""
    return Answer({"users": await app().sign_ins.product_users(request.tenant)})


@route(bp, "POST", "tenants/{tenant}/users")
async def users_post(request: Request) -> Answer:
    """Make an SSO user a user of the product."""
    body = request.body(UserBody)
    person, by = object_id(body.object_id), name_of(request.caller)
    return Answer(await app().sign_ins.make_user(request.tenant, person, body.role, by), HTTPStatus.CREATED)
