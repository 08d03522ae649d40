"""Files of the shapes that people really send (tests/inputs), each with its expected result, through HTTP."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.domain.recipient import API_NAMES
from tests.support.http.calling import Client

CASES = {
    path.stem: (json.loads(path.read_text("utf-8")), path.with_suffix(".csv").read_bytes())
    for path in sorted((Path(__file__).parents[2] / "inputs").glob("*.json"))
}
RECIPIENTS = "tenants/contoso/locations/desk/recipients"

pytestmark = pytest.mark.usefixtures("connected")


def as_text(person: dict[str, Any]) -> str:
    """Return a person as text, whatever the order of the fields."""
    return json.dumps(person, sort_keys=True)


def part_of(expected: Any, actual: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the part of an answer that an expectation is about."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return {name: part_of(value, actual.get(name)) for name, value in expected.items()}
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return [part_of(*pair) for pair in zip(expected, actual, strict=True)]
    return actual


@pytest.mark.parametrize(("expected", "content"), CASES.values(), ids=CASES)
async def test_a_file_has_its_expected_result(api: Client, expected: dict[str, Any], content: bytes) -> None:
    """The answer, and what is stored; a file that was imported is unchanged when it is imported again."""
    headers = expected.get("headers", {"Content-Type": "text/csv"})
    path = f"{RECIPIENTS}{expected.get('query', '')}"
    if "preferences" in expected:
        await api("PUT", "tenants/contoso/preferences", expected["preferences"])
    answer = await api("POST", path, raw=content, headers=headers)
    assert answer.status == expected["status"], answer.body
    assert part_of(expected["answer"], answer.body) == expected["answer"]
    assert all(word in json.dumps(answer.body, ensure_ascii=False) for word in expected.get("words", []))
    stored = (await api("GET", f"{RECIPIENTS}?limit=1000")).body["recipients"]
    people = [{name: row[name] for name in API_NAMES.values() if name in row} for row in stored]
    assert sorted(map(as_text, people)) == sorted(map(as_text, expected["recipients"]))
    if answer.status == 200:
        again = await api("POST", path, raw=content, headers=headers)
        unapplied = answer.body["refusedRows"]
        assert (again.body["run"], again.body["unchanged"] + unapplied) == (None, again.body["rows"])


async def test_an_export_is_imported_without_a_change(api: Client) -> None:
    """Of everything that these files lead to."""
    for _, content in CASES.values():
        await api("POST", RECIPIENTS, raw=content)
    export = await api("GET", RECIPIENTS, headers={"Accept": "text/csv"})
    again = await api("POST", RECIPIENTS, raw=export.text.encode("utf-8-sig"))
    assert (again.status, again.body.get("run"), again.body["refusedRows"]) == (200, None, 0), again.body
