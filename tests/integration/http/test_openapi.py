"""The API's description of itself."""

import json
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.domain.access.callers import Access
from shared.triggers.http.framework import routing
from shared.triggers.http.framework.openapi import document
from shared.triggers.http.framework.rules import RULES
from tests.support.http.calling import Client, Route

#: Routes that answer a document, whose type says no more than that.
FREE = {"GET openapi.json"}
#: What is sent once more takes the place of what was sent before, and nobody has seen it meanwhile.
PARTS = "PUT tenants/{tenant}/locations/{location}/imports/{import}/parts/{number}"


async def test_the_document_is_valid_and_public(api: Client) -> None:
    """It is OpenAPI 3.1, and what is served is what the routes make."""
    answer = await api("GET", "openapi.json")
    assert (answer.status, answer.mimetype) == (200, "application/json")
    assert answer.body == json.loads(json.dumps(document()))
    assert answer.body["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(answer.body).validate()


def test_every_route_is_in_it(routes: list[Route]) -> None:
    """With the rule that says for whom it is, and both doors; nothing else is."""
    told = {
        f"{method.upper()} {path[1:]}": operation
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
    }
    assert set(told) == set(RULES)
    assert len({operation["operationId"] for operation in told.values()}) == len(RULES)
    assert {operation["operationId"] for operation in told.values()} <= {route.name for route in routes}
    for rule, operation in told.items():
        assert operation["x-access"] == RULES[rule].value
        assert bool(operation["security"]) == (RULES[rule] is not Access.PUBLIC)
        assert operation["summary"]


@pytest.mark.parametrize("route", routing.ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_says_what_it_takes_and_answers(route: routing.Route) -> None:
    """A type for what it answers; whatever is edited has a body, and a version to name."""
    kinds = set(map(repr, route.contract.answers.values()))
    rule = f"{route.method} {route.path}"
    assert rule in FREE or not any(kind.startswith("dict") for kind in kinds)
    if route.method in {"PUT", "PATCH"} and rule != PARTS:
        assert route.contract.body is not None
        assert (route.contract.tagged, route.contract.conditional) == (True, True)


def test_the_page_of_the_api_names_every_code() -> None:
    """docs/reference/error-codes.md names every code that a route says it answers."""
    page = (Path(__file__).parents[3] / "docs" / "reference" / "error-codes.md").read_text(encoding="utf-8")
    codes = {code for route in routing.ROUTES for told in route.contract.problems.values() for code in told}
    assert sorted(code for code in codes if f"`{code}`" not in page and "…" not in code) == []
