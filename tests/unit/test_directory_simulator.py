"""The page about the directory simulator has a row for every route."""

import re

from infra.local.entra.applications_http import login_application
from infra.local.entra.graph.routes import ROUTES
from infra.local.entra.state.simulator import State
from tests.unit.test_docs_references import ROOT


def _page() -> set[str]:
    text = (ROOT / "docs/reference/directory-simulator.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`[^|]+`) \|", text, re.MULTILINE)
    return {path for cell in cells for path in re.findall(r"/[^\s`,]*", cell)}


def test_every_route_of_graph_has_a_row() -> None:
    """A route that is added tells what it imitates. Spellings of one route share a row."""
    paths = {route.kind.partition(" ")[2] for route in ROUTES}
    assert paths - _page() == set()
    assert {path for path in _page() if path.startswith(("/users", "/groups", "/applications"))} <= paths


def test_every_route_of_the_login_service_has_a_row() -> None:
    """The version in the address of the consent page may be left out."""
    resources = login_application(State(scale=0.01)).router.resources()
    paths = {resource.canonical for resource in resources} - {"/{tenant}/v2.0/adminconsent"}
    assert paths - _page() == set()
