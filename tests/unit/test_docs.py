"""Reference pages name every permission, route, check, setting and timing that the code has."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from shared.adapters.entra.schema import SELECT, TEXT_PATHS
from shared.domain.connections.connection_health import BACK_OFF, WARN_DAYS
from shared.domain.connections.entra import login_errors, permissions
from shared.domain.connections.entra.credentials import CLOUD_ENDPOINTS
from shared.domain.connections.entra.live_reads import READS
from shared.domain.recipient import API_NAMES, PERSON_FIELDS
from shared.triggers.http.framework import openapi
from shared.triggers.http.framework.rules import RULES
from tests.support.graph_user import camel

ROOT = Path(__file__).parents[2]
#: Where the fields of the API are explained.
API_PAGES = ("http-api.md", "error-codes.md", "person-fields.md", "stored-data.md")
NEEDS = permissions.needs(sso_users=True)


#: The property of Microsoft Graph that fills each person field.
GRAPH_PROPERTIES = {
    **{name: "/".join(map(camel, TEXT_PATHS[name])) for name in PERSON_FIELDS if name in TEXT_PATHS},
    "business_phone": "businessPhones",
}


def settings() -> set[str]:
    """Return the names in the code that reads settings that are spelled like settings."""
    paths = ("settings.py", "domain/operations/retention.py")
    text = '"'.join((ROOT / "shared" / path).read_text(encoding="utf-8") for path in paths)
    return {word for word in text.split('"') if word.isupper() and "_" in word and word.isidentifier()}


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("permissions.md", [need.permission for need in NEEDS]),
        ("permissions.md", sorted(set(SELECT.split(",")) - {path.split("/")[0] for path in GRAPH_PROPERTIES.values()})),
        ("permissions.md", [url.removeprefix("https://") for pair in CLOUD_ENDPOINTS.values() for url in
                            (pair.login, pair.graph)]),
        ("permissions.md", [", ".join(map(str, WARN_DAYS[:3]))]),
        ("permissions.md", [f" {wait.total_seconds() / 3600:.0f}" for wait in BACK_OFF]),
        ("http-api.md", [f"/{rule.split(' ')[1]}" for rule in RULES]),
        ("http-api.md", sorted({f"`{mistake.check}`" for mistake in login_errors.LOGIN_ERRORS.values()})),
        ("http-api.md", [f"`{read}`" for read in READS]),
        ("settings.md", sorted(settings())),
    ],
)  # fmt: skip
def test_a_page_names_what_there_is(page: str, words: Iterable[str]) -> None:
    """A permission, route, check or setting that is added has to be on its page."""
    text = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8").replace("7 and 1", "7, 1")
    assert [word for word in words if word not in text] == []


def test_every_put_says_what_it_does_with_omitted_fields() -> None:
    """A client that replaces something must know what it resets."""
    page = (ROOT / "docs" / "reference" / "http-api.md").read_text(encoding="utf-8")
    section = page.split("\n## Omitted fields\n")[1].split("\n## ")[0]
    paths = [rule.removeprefix("PUT ") for rule in RULES if rule.startswith("PUT ")]
    assert [path for path in paths if f"`PUT /{path}`" not in section] == []


def test_every_field_of_the_api_is_explained() -> None:
    """What an answer or a body contains is in the reference: of a profile, in the page about stored data."""
    pages = [(ROOT / "docs" / "reference" / name).read_text(encoding="utf-8") for name in API_PAGES]
    words = {word for page in pages for word in re.findall(r'[`"](\w+)[`"]', page)}
    schemas = openapi.document()["components"]["schemas"]
    fields = {f"{name}.{field}" for name, schema in schemas.items() for field in schema.get("properties", {})}
    assert sorted(field for field in fields if field.rpartition(".")[2] not in words) == []


def test_events_to_alert_on_exist() -> None:
    """The log events in docs/reference/telemetry.md are those that the code writes."""
    page = (ROOT / "docs" / "reference" / "telemetry.md").read_text(encoding="utf-8")
    table = page.split("| event | fields | means |")[1].split("\n\n")[0]
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "shared").rglob("*.py"))
    events = {
        name for names in re.findall(r"^\| (`[^|]+)", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", names)
    }
    assert events
    assert events - set(re.findall(r'(?:event|failure)\(\s*"(\w+)"', code)) == set()


def test_every_aadsts_number_has_its_own_sentence() -> None:
    """No two login errors have the same title, detail or fix."""
    known = login_errors.LOGIN_ERRORS.values()
    for said in ([each.title for each in known], [each.detail for each in known], [each.fix for each in known]):
        assert [text for text, times in Counter(said).items() if times > 1] == []


def test_every_person_field_has_its_row() -> None:
    """In the order of the registry, with all that it declares."""
    page = (ROOT / "docs" / "reference" / "person-fields.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) == len(PERSON_FIELDS)
    for (name, field), (api_name, label, source, columns, filters) in zip(PERSON_FIELDS.items(), rows, strict=True):
        assert (api_name, label, columns) == (f"`{API_NAMES[name]}`", field.label, ", ".join(field.csv))
        assert filters == ("yes" if field.filterable else "")
        assert name not in GRAPH_PROPERTIES or source.split(",")[0] == f"`{GRAPH_PROPERTIES[name]}`"
