"""OpenAPI 3.1 description, generated from the routes and the types that validate and encode their JSON."""

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
    "Recipient Sync keeps the recipients of many customers up to date from their directories. Examples of ids and "
    "times are in docs/reference/http-api.md. Errors are problem+json with a stable code."
)
#: Errors that every route can return, by status. Below /api/signed-in, public routes require a sign-in, too.
_ALWAYS: Final[Mapping[int, tuple[str, ...]]] = {
    400: ("invalid_query", "invalid_header", "mixed_credentials"),
    401: ("not_signed_in", "sign_in_off", "key_refused"),
    403: ("forbidden", "cross_site"),
    409: ("contended",),
    500: ("internal",),
    503: ("storage_busy", "storage_unreachable", "settings"),
}
_SECURED: Final[Mapping[int, tuple[str, ...]]] = {429: ("rate_limited",)}
_BODY: Final[Mapping[int, tuple[str, ...]]] = {
    400: ("body_required", "malformed_json", "invalid_body", "body_too_large"),
    411: ("body_required",),
}
_SECURITY: Final = {
    "functionKey": {
        "type": "apiKey",
        "in": "header",
        "name": "x-functions-key",
        "description": "For the back end of the product, below /api.",
    },
    "functionKeyInQuery": {
        "type": "apiKey",
        "in": "query",
        "name": "code",
        "description": "The function key as a query parameter.",
    },
    "signIn": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "For signed-in people, below /api/signed-in: an Entra ID token for this API.",
    },
    "namedKey": {
        "type": "apiKey",
        "in": "header",
        "name": "x-api-key",
        "description": "For programs, below /api/signed-in: a named key that the operator created.",
    },
}
_SLUG: Final = {"type": "string", "pattern": "^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"}
#: Schemas of path parameters.
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
    """Return this document."""
    return Answer(_encoded())


@cache
def _encoded() -> bytes:
    return msgspec.json.encode(document())


@cache
def document() -> Mapping[str, Any]:
    """Return the OpenAPI document of all registered routes."""
    types = [ProblemView, *(kind for endpoint in ROUTES for kind in _types(endpoint.contract))]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    by_type = dict(zip((repr(kind) for kind in types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ROUTES:
        paths.setdefault(f"/{endpoint.path}", {})[endpoint.method.lower()] = _operation(endpoint, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Recipient Sync", "version": "1", "description": _ABOUT},
        "servers": [
            {"url": "/api", "description": "for the back end of the product"},
            {"url": "/api/signed-in", "description": "for signed-in people"},
        ],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SECURITY},
    }


def _types(contract: Contract) -> Iterator[Any]:
    yield from (kind for kind in contract.answers.values() if kind is not None)
    if contract.body is not None:
        yield contract.body


def _operation(endpoint: Route, schemas: Mapping[str, Any]) -> dict[str, Any]:
    contract = endpoint.contract
    summary = (endpoint.handler.__doc__ or "").split(". ")[0].strip().rstrip(".")
    operation: dict[str, Any] = {
        "operationId": endpoint.handler.__name__,
        "summary": " ".join(summary.split()),
        "tags": [endpoint.path.split("/")[2 if endpoint.path.count("/") > 1 else 0].strip("{}")],
        "parameters": [*_path_parameters(endpoint.path), *map(_query_parameter, contract.query), *_headers(contract)],
        "responses": _responses(endpoint, schemas),
        "security": [] if endpoint.access is Access.PUBLIC else [{name: []} for name in _SECURITY],
        "x-access": endpoint.access.value,
    }
    if contract.body is not None:
        content = {_JSON: {"schema": schemas[repr(contract.body)]}}
        operation["requestBody"] = {"required": True, "content": content}
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
        yield _header("If-Match", "Change only the version with this ETag; * matches any version.", {"type": "string"})
        yield _header("If-None-Match", "Create only; never replace.", {"type": "string", "enum": ["*"]})
    if contract.repeatable:
        schema = {"type": "string", "minLength": 1, "maxLength": MAX_KEY}
        yield _header("Idempotency-Key", "Repeated requests with the same key are executed once.", schema)


def _header(name: str, about: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": about, "schema": schema}


def _responses(endpoint: Route, schemas: Mapping[str, Any]) -> dict[str, Any]:
    contract = endpoint.contract
    responses: dict[str, Any] = {}
    for status, kind in contract.answers.items():
        response: dict[str, Any] = {"description": status.phrase}
        if kind is not None:
            response["content"] = {_JSON: {"schema": schemas[repr(kind)]}}
        if contract.answers_csv:
            response["content"][_CSV] = _TEXT
        names = [name for name, present in (("ETag", contract.tagged), ("Location", contract.located)) if present]
        if names:
            response["headers"] = {name: {"schema": {"type": "string"}} for name in names}
        responses[str(int(status))] = response
    for code, problems in sorted(_problems(endpoint).items()):
        content = responses.get(str(code), {}).get("content", {})
        responses[str(code)] = {
            "description": f"{HTTPStatus(code).phrase}: {', '.join(problems)}",
            "content": {**content, _PROBLEM: {"schema": schemas[repr(ProblemView)]}},
            **({"headers": {"Retry-After": {"schema": {"type": "integer"}}}} if code in {429, 503} else {}),
        }
    return responses


def _problems(endpoint: Route) -> dict[int, tuple[str, ...]]:
    contract = endpoint.contract
    sources: list[Mapping[int, tuple[str, ...]]] = [contract.problems, _ALWAYS]
    if endpoint.access is not Access.PUBLIC:
        sources.append(_SECURED)
    if contract.body is not None or contract.takes_csv:
        sources.append(_BODY)
    if contract.conditional:
        sources.append({412: ("changed_meanwhile",)})
    if contract.repeatable:
        sources.append({422: ("idempotency_key_reused",)})
    ids = [name for name in re.findall(r"\{(\w+)\}", endpoint.path) if name in _IN_PATH]
    sources.append({400: tuple(f"invalid_{name}_id" for name in ids)})
    problems: dict[int, tuple[str, ...]] = {}
    for source in sources:
        for status, codes in source.items():
            problems[status] = (*problems.get(status, ()), *codes)
    return problems
