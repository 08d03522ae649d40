"""Routes for named keys: create, list and revoke them."""

from http import HTTPStatus
from typing import Final

import azure.functions as func
import msgspec

from shared.bootstrap import app
from shared.domain import ids
from shared.domain.access.callers import KeyScope, name_of
from shared.triggers.http.framework.answers import Answer
from shared.triggers.http.framework.contracts import NO_CONTENT, Contract, answers, paged
from shared.triggers.http.framework.paging import cursor_of, limit_of, position_of
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.triggers.http.schemas.keys import KeysView, KeyView, NewKeyView

bp = func.Blueprint()

#: Days until a key expires, if the request does not say it.
_DAYS: Final = 90


class KeyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Creates a named key. `tenants` has to be given; null opens all tenants, also later ones."""

    name: str
    scopes: tuple[KeyScope, ...]
    tenants: tuple[str, ...] | None
    expires_in_days: int = _DAYS


@route(bp, "GET", "keys", Contract(answers=answers(KeysView), query=paged()))
async def keys_list(request: Request) -> Answer:
    """List the named keys without their values, also those that ended, sorted by name."""
    after, now = position_of(request, str, "keys", id_of=ids.key_name) or "", app().ports.clock.now()
    keys, end = await app().named_keys.list_all(after, limit_of(request))
    return Answer(KeysView(keys=[KeyView.of(key, now) for key in keys], cursor=cursor_of(end, "keys")))


@route(
    bp,
    "POST",
    "keys",
    Contract(
        answers=answers(NewKeyView, HTTPStatus.CREATED),
        body=KeyBody,
        problems={
            400: ("invalid_key_name", "invalid_tenant_id"),
            404: ("tenant_not_found",),
            409: ("key_exists",),
        },
    ),
)
async def keys_post(request: Request) -> Answer:
    """Create a named key and return its value, which is not shown again."""
    body = request.body(KeyBody)
    tenants = None if body.tenants is None else [ids.tenant_id(tenant) for tenant in body.tenants]
    new = await app().named_keys.create(body.name, body.scopes, tenants, body.expires_in_days, name_of(request.caller))
    request.trail.subject["key"] = body.name
    return Answer(NewKeyView.of_new(new, app().ports.clock.now()), HTTPStatus.CREATED)


@route(
    bp,
    "DELETE",
    "keys/{key}",
    Contract(answers=NO_CONTENT, problems={400: ("invalid_key_name",), 404: ("key_not_found",)}),
)
async def keys_revoke(request: Request) -> Answer:
    """Revoke a named key. It stays in the list."""
    await app().named_keys.revoke(request.parameters["key"], name_of(request.caller))
    return Answer()
