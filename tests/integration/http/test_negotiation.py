"""The Accept header chooses between JSON and CSV, as RFC 9110 defines it."""

import time

import pytest

from shared.triggers.http.framework.negotiation import _WEIGHT, preferred
from tests.support.http.calling import Client

JSON, CSV = "application/json", "text/csv"
HEADERS = [
    ("", JSON),
    ("*/*", JSON),
    ("text/csv", CSV),
    ("TEXT/CSV", CSV),
    ("text/csv; charset=utf-8", CSV),
    ("text/csv;q=0", JSON),
    ("text/csv; Q=0.0", JSON),
    ("text/csv;q=0, */*", JSON),
    ("application/json;q=0, */*", CSV),
    ("application/json, text/csv;q=0.9", JSON),
    ("application/json;q=0.5, text/csv;q=0.9", CSV),
    ("application/json;q=0.5,text/csv;Q=.6", CSV),
    ("text/*", CSV),
    ("text/*;q=0.1, application/*;q=0.2", JSON),
    ("text/csv, */*;q=0.1", CSV),
    ("text/csv, */*", CSV),
    ("application/json, text/csv", JSON),
    ("text/csv, application/json", CSV),
    ("text/html", JSON),
    ("text/csv+xml", JSON),
    ('text/plain; note="a, text/csv"', JSON),
    ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
    ("application/json;q=0, text/csv;q=0", JSON),
    (";;,,q=", JSON),
    ("text/csv;q=1.", CSV),
    ("text/csv;q=.", CSV),
    ("text/csv;q=" + "1" * 900 + "x", CSV),
    ("text/csv" + ";q=1" * 1_000, JSON),
]


@pytest.mark.parametrize(("accept", "kind"), HEADERS)
def test_the_preferred_type_is_chosen(accept: str, kind: str) -> None:
    """By weight, then by how specifically it is named, then by position; in any case of letters."""
    assert preferred(accept, (JSON, CSV)) == kind


@pytest.mark.parametrize(
    "weight", ["1" * 30_000 + "x", "1" * 15_000 + " " * 15_000 + "x", "." * 30_000, " " * 30_000 + "x"]
)
def test_a_weight_of_any_length_costs_no_time(weight: str) -> None:
    """It does not backtrack: this took minutes, in which the worker answered no one."""
    began_s = time.thread_time()
    assert preferred(f"text/csv;q={weight}", (JSON, CSV)) in {JSON, CSV}
    _WEIGHT.search(f";q={weight}")
    assert time.thread_time() - began_s < 0.5


@pytest.mark.parametrize(("accept", "kind"), [("text/csv;q=0", JSON), ("Text/CSV", CSV), ("application/json", JSON)])
@pytest.mark.usefixtures("connected")
async def test_recipients_are_listed_or_exported(api: Client, accept: str, kind: str) -> None:
    """A list is JSON unless CSV is preferred."""
    answer = await api("GET", "tenants/contoso/locations/desk/recipients", headers={"Accept": accept})
    assert (answer.status, answer.mimetype) == (200, kind)
