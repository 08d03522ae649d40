"""Calls the API's functions as the host does."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func

from shared.triggers import http
from shared.triggers.http import BLUEPRINTS
from tests.support.http.contract import held_to_contract

#: The modules with routes that ask `app` for the workflows.
MODULES = tuple(module for module in vars(http).values() if isinstance(module, ModuleType) and "app" in vars(module))


@dataclass(frozen=True)
class Route:
    """One function: which method of which path it serves, and for whom."""

    name: str
    methods: tuple[str, ...]
    path: tuple[str, ...]
    auth_level: str
    call: Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]

    def match(self, method: str, parts: tuple[str, ...]) -> dict[str, str] | None:
        """Return the route's parameters if it serves the request."""
        if method not in self.methods:
            return None
        if self.path[-1] == "{*path}" and parts[:-1] and parts[: len(self.path) - 1] == self.path[:-1]:
            return {"path": "/".join(parts[len(self.path) - 1 :])}
        if len(parts) != len(self.path):
            return None
        pairs = list(zip(self.path, parts, strict=True))
        if any(not pattern.startswith("{") and pattern != part for pattern, part in pairs):
            return None
        return {pattern.strip("{}"): part for pattern, part in pairs if pattern.startswith("{")}


@cache
def routes_of_the_app() -> list[Route]:
    """Return every HTTP function that the product registers; a blueprint's functions can be built only once."""
    registered = func.FunctionApp()
    for blueprint in BLUEPRINTS:
        registered.register_functions(blueprint)
    found = []
    for function in registered.get_functions():
        trigger = function.get_trigger()
        assert trigger is not None
        binding = trigger.get_dict_repr()
        found.append(
            Route(
                name=str(function.get_function_name()),
                methods=tuple(method.value for method in binding["methods"]),
                path=tuple(binding["route"].split("/")),
                auth_level=binding["authLevel"].value,
                call=function.get_user_function(),
            )
        )
    return found


@dataclass(frozen=True)
class Reply:
    """What a route answered; `body` is its JSON."""

    status: int
    body: Any
    headers: dict[str, str]
    mimetype: str
    #: The content itself, where it is no JSON.
    text: str = ""


class Client:
    """Sends requests to the functions."""

    def __init__(self, routes: list[Route]) -> None:
        self.routes = routes
        #: Whether answers are held to the contract; not where a test makes errors that no route has.
        self.promised = True

    async def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> Reply:
        """Send a request and return its answer. Raises: LookupError where the host would answer 404 itself."""
        address = urlsplit(path)
        parts = tuple(address.path.strip("/").split("/"))
        for route in self.routes:
            parameters = route.match(method, parts)
            if parameters is not None:
                break
        else:
            raise LookupError(f"no route serves {method} {path}")
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        answer = await route.call(
            func.HttpRequest(
                method=method,
                url=f"https://app.example/api/{path}",
                headers=headers or {},
                params={**dict(parse_qsl(address.query)), **(query or {})},
                route_params=parameters,
                body=content,
            )
        )
        if self.promised:
            held_to_contract(method, "/".join(route.path), address.path.strip("/"), answer)
        content = answer.get_body()
        mimetype = str(answer.mimetype)
        is_json = bool(content) and mimetype.endswith("json")
        return Reply(
            status=answer.status_code,
            body=json.loads(content) if is_json else None,
            headers=dict(answer.headers),
            mimetype=mimetype,
            text="" if is_json else content.decode("utf-8-sig"),
        )
