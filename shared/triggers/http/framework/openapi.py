"""The contract of the API as OpenAPI 3.1, made of the routes and of the very types that validate and encode."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import azure.functions as func
import msgspec

from shared.domain.access.callers import Access
from shared.domain.access.idempotency import MAX_KEY
from shared.triggers.http.framework.answers import Answer
from shared.triggers.http.framework.contracts import Contract, Parameter, answers
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import ROUTES, Route, route
from shared.triggers.http.schemas.base import ProblemView

bp = func.Blueprint()

_ABOUT: Final = (
    "Recipient Sync turns the directories of many customers into recipients. Ids and times are as in the examples of "
    "docs/reference/http-api.md; errors are problem+json with a stable code."
)
#: What any route may answer besides its own, with the codes that are told by all of them.
_ALWAYS: Final[Mapping[int, tuple[str, ...]]] = {
    400: ("invalid_query", "invalid_header"),
    500: ("internal",),
    503: ("storage_busy", "storage_unreachable", "settings"),
}
_SECURED: Final[Mapping[int, tuple[str, ...]]] = {
    401: ("not_signed_in", "sign_in_off"),
    403: ("forbidden", "cross_site"),
}
_BODY: Final[Mapping[int, tuple[str, ...]]] = {400: ("malformed_json", "invalid_body", "body_too_large")}
_SECURITY: Final = {
    "functionKey": {
        "type": "apiKey",
        "in": "header",
        "name": "x-functions-key",
        "description": "The product's own back end, below /api.",
    },
    "functionKeyInQuery": {"type": "apiKey", "in": "query", "name": "code", "description": "The same, in the address."},
    "signIn": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "People, below /api/signed-in, with a token of Entra ID for the API's own app registration.",
    },
}
_SLUG: Final = {"type": "string", "pattern": "^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"}
#: The parameters that stand in paths.
_IN_PATH: Final[Mapping[str, Mapping[str, Any]]] = {
    "tenant": _SLUG,
    "location": _SLUG,
    "run": {"type": "string", "pattern": "^[0-9]{13}-[0-9a-f]{8}$"},
    "recipient": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
}
_PROBLEM: Final = "application/problem+json"
_JSON: Final = "application/json"
_CSV: Final = "text/csv"
_TEXT: Final = {"schema": {"type": "string"}}


@route(bp, "GET", "openapi.json", Contract(answers=answers(dict[str, Any])))
async def openapi(_: Request) -> Answer:
    """Answer this document."""
    return Answer(_encoded())


@cache
def _encoded() -> bytes:
    return msgspec.json.encode(document())


@cache
def document() -> Mapping[str, Any]:
    """Return the document of every route that is registered."""
    types = [ProblemView, *(kind for each in ROUTES for kind in _types(each.contract))]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    by_type = dict(zip((repr(kind) for kind in types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for each in ROUTES:
        paths.setdefault(f"/{each.path}", {})[each.method.lower()] = _operation(each, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Recipient Sync", "version": "1", "description": _ABOUT},
        "servers": [
            {"url": "/api", "description": "for the product's own back end"},
            {"url": "/api/signed-in", "description": "for people"},
        ],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SECURITY},
    }


def _types(contract: Contract) -> Iterator[Any]:
    yield from (kind for kind in contract.answers.values() if kind is not None)
    if contract.body is not None:
        yield contract.body


def _operation(each: Route, schemas: Mapping[str, Any]) -> dict[str, Any]:
    contract = each.contract
    told = (each.handler.__doc__ or "").split(". ")[0].strip().rstrip(".")
    operation: dict[str, Any] = {
        "operationId": each.handler.__name__,
        "summary": " ".join(told.split()),
        "tags": [each.path.split("/")[2 if each.path.count("/") > 1 else 0].strip("{}")],
        "parameters": [*_path_parameters(each.path), *map(_query_parameter, contract.query), *_headers(contract)],
        "responses": _responses(each, schemas),
        "security": [] if each.access is Access.PUBLIC else [{name: []} for name in _SECURITY],
        "x-access": each.access.value,
    }
    if contract.body is not None:
        content = {_JSON: {"schema": schemas[repr(contract.body)]}}
        operation["requestBody"] = {"required": contract.body_required, "content": content}
    if contract.takes_csv:
        operation["requestBody"] = {"required": True, "content": {_CSV: _TEXT}}
    return operation


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = re.findall(r"\{(\w+)\}", path)
    return [
        {"name": name, "in": "path", "required": True, "schema": _IN_PATH.get(name, {"type": "string"})}
        for name in names
    ]


def _query_parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.about,
        "required": parameter.required,
        "schema": dict(parameter.schema),
    }


def _headers(contract: Contract) -> Iterator[dict[str, Any]]:
    if contract.conditional:
        yield _header("If-Match", "Change only the version with this ETag; * is any.", {"type": "string"})
        yield _header("If-None-Match", "Create, and never replace.", {"type": "string", "enum": ["*"]})
    if contract.repeatable:
        schema = {"type": "string", "minLength": 1, "maxLength": MAX_KEY}
        yield _header("Idempotency-Key", "Do this request once, however often it is sent.", schema)


def _header(name: str, about: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": about, "schema": schema}


def _responses(each: Route, schemas: Mapping[str, Any]) -> dict[str, Any]:
    contract = each.contract
    responses: dict[str, Any] = {}
    for status, kind in contract.answers.items():
        response: dict[str, Any] = {"description": status.phrase}
        if kind is not None:
            response["content"] = {_JSON: {"schema": schemas[repr(kind)]}}
        if contract.answers_csv:
            response["content"][_CSV] = _TEXT
        names = [name for name, there in (("ETag", contract.tagged), ("Location", contract.located)) if there]
        if names:
            response["headers"] = {name: {"schema": {"type": "string"}} for name in names}
        responses[str(int(status))] = response
    for code, told in sorted(_problems(each).items()):
        responses[str(code)] = {
            "description": f"{HTTPStatus(code).phrase}: {', '.join(told)}",
            "content": {_PROBLEM: {"schema": schemas[repr(ProblemView)]}},
            **({"headers": {"Retry-After": {"schema": {"type": "integer"}}}} if code in {429, 503} else {}),
        }
    return responses


def _problems(each: Route) -> dict[int, tuple[str, ...]]:
    contract = each.contract
    sources: list[Mapping[int, tuple[str, ...]]] = [contract.problems, _ALWAYS]
    if each.access is not Access.PUBLIC:
        sources.append(_SECURED)
    if contract.body is not None or contract.takes_csv:
        sources.append(_BODY)
    if contract.conditional:
        sources.append({412: ("changed_meanwhile",)})
    if contract.repeatable:
        sources.append({422: ("idempotency_key_reused",)})
    named = [name for name in re.findall(r"\{(\w+)\}", each.path) if name in _IN_PATH]
    sources.append({400: tuple(f"invalid_{name}_id" for name in named)})
    found: dict[int, tuple[str, ...]] = {}
    for source in sources:
        for status, codes in source.items():
            found[status] = (*found.get(status, ()), *codes)
    return found
