"""Route templates match as ASP.NET's do."""

import pytest

from infra.local.functions_host.definitions import FunctionDefinition, HttpTrigger
from infra.local.functions_host.errors import Rejected
from infra.local.functions_host.routes import Router

MATCHES = [
    ("tenants/{tenant}", "/api/tenants/contoso", {"tenant": "contoso"}),
    ("tenants/{tenant}", "/API/Tenants/Contoso/", {"tenant": "Contoso"}),
    ("tenants/{tenant}", "/api/tenants/a%20b", {"tenant": "a b"}),
    ("tenants/{tenant}", "/api/tenants", None),
    ("tenants/{tenant}", "/api/tenants/a/b", None),
    ("tenants/{tenant}", "/tenants/a", None),
    ("runs/{run?}", "/api/runs", {}),
    ("runs/{run?}", "/api/runs/7", {"run": "7"}),
    ("runs/{run=last}", "/api/runs", {"run": "last"}),
    ("files/{*rest}", "/api/files/a/b/c.js", {"rest": "a/b/c.js"}),
    ("files/{*rest}", "/api/files", {}),
    ("x/{id:guid}", "/api/x/0f8fad5b-d9cb-469f-a165-70867728950e", {"id": "0f8fad5b-d9cb-469f-a165-70867728950e"}),
    ("x/{id:guid}", "/api/x/7", None),
    ("x/{n:int}", "/api/x/-7", {"n": "-7"}),
    ("x/{n:int}", "/api/x/7a", None),
    ("x/{n:int?}", "/api/x", {}),
    ("x/{s:minlength(2):maxlength(3)}", "/api/x/abc", {"s": "abc"}),
    ("x/{s:minlength(2):maxlength(3)}", "/api/x/abcd", None),
    ("x/{s:length(2)}", "/api/x/ab", {"s": "ab"}),
    ("x/{s:regex(^v[0-9]$)}", "/api/x/v1", {"s": "v1"}),
    ("x/{name}.{ext:alpha}", "/api/x/a.json", {"name": "a", "ext": "json"}),
    ("x/{name}.{ext:alpha}", "/api/x/a.7", None),
]


def function(name: str, route: str, *methods: str) -> FunctionDefinition:
    """A function behind a route."""
    trigger = HttpTrigger(route=route, methods=frozenset(methods), auth_level="ANONYMOUS")
    return FunctionDefinition(name=name, function_id=name, parameter="req", trigger=trigger, outputs=())


@pytest.mark.parametrize(("template", "path", "expected"), MATCHES)
def test_match(template: str, path: str, expected: dict[str, str] | None) -> None:
    """A template fits the paths ASP.NET's does, with the same parameters."""
    found = Router([function("f", template)], "api").find("GET", path)
    assert (None if found is None else found[1]) == expected


def test_first_route_wins() -> None:
    """Of two routes that fit, the first is taken, and one with another method is passed over."""
    router = Router([function("a", "x/{id}", "PUT"), function("b", "x/{id}"), function("c", "x/y")], "api")
    chosen = [router.find(method, "/api/x/y") for method in ("GET", "PUT")]
    assert [found[0].function.name for found in chosen if found] == ["b", "a"]


@pytest.mark.parametrize("template", ["x/{id", "x/{id:nosuch}"])
def test_rejects_templates(template: str) -> None:
    """A template that this host cannot read stops the start instead of never matching."""
    with pytest.raises(Rejected):
        Router([function("f", template)], "api")
