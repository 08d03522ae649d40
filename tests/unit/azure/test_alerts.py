"""Each alert counts events that the product logs, and names its runbook."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra.azure.snapshot import FOLDER, Snapshot
from shared.domain.connections.connection_health import NoticeKind

ROOT = Path(__file__).parents[3]
ALERTS: list[dict[str, Any]] = json.loads((FOLDER / "alerts.json").read_text(encoding="utf-8"))

#: Event names in the code, as `event("name", ...)`.
EVENTS = {
    name
    for path in (ROOT / "shared").rglob("*.py")
    for name in re.findall(r'\bevent\(\s*"(\w+)"', path.read_text(encoding="utf-8"))
}
#: Fields of events in the code, and the values that an alert may compare them with.
FIELDS: dict[str, set[str]] = {"kind": {str(kind) for kind in NoticeKind}, "code": {"storage_busy"}}
#: Periods and windows that a log alert may have.
#: Source: https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-create-log-alert-rule
EVERY = {"PT5M", "PT10M", "PT15M", "PT30M", "PT45M", "PT1H", "PT2H", "PT3H", "PT4H", "PT5H", "PT6H", "P1D"}


@pytest.fixture(params=ALERTS, ids=lambda alert: alert["name"])
def alert(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return each alert."""
    row: dict[str, Any] = request.param
    return row


def test_an_alert_counts_events_that_exist(alert: dict[str, Any]) -> None:
    """An event that is renamed would silence it."""
    names = set(re.findall(r"Message startswith '(\w+) '", alert["query"]))
    assert names <= EVENTS
    assert names or alert["query"].startswith("AppRequests")
    assert alert["query"].count("startswith") == len(re.findall(r"startswith '\w+ '", alert["query"]))


def test_an_alert_compares_with_values_that_exist(alert: dict[str, Any]) -> None:
    """A kind or code that is renamed would silence it as well."""
    for field, value in re.findall(r"Message has '(\w+)=(\w+)'", alert["query"]):
        assert value in FIELDS[field]


def test_a_code_that_alerts_count_is_raised() -> None:
    """As the code of an error."""
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "shared" / "adapters").rglob("*.py"))
    assert [code for code in FIELDS["code"] if f'code="{code}"' not in text] == []


def test_an_alert_has_a_runbook(alert: dict[str, Any]) -> None:
    """With its meaning, what to look at, what to do, and how to know that it is over."""
    text = (ROOT / alert["runbook"]).read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Meaning", "Look at", "Do", "Over when"]
    assert Path(alert["runbook"]).stem == alert["name"]


def test_an_alert_is_one_that_azure_accepts(alert: dict[str, Any]) -> None:
    """A severity from 0 to 4, and periods from the list of Azure Monitor."""
    assert alert["severity"] in range(5)
    assert alert["every"] in EVERY
    assert alert.get("window", "PT2H") in EVERY | {"P2D"}


def test_every_alert_is_deployed(snapshot: Snapshot) -> None:
    """With its query, its runbook, and the operator as its recipient."""
    rules = {rule["name"]: rule["properties"] for rule in snapshot.of_type("Microsoft.Insights/scheduledQueryRules")}
    assert set(rules) == {row["name"] for row in ALERTS}
    group = snapshot.one("Microsoft.Insights/actionGroups")["id"]
    for row in ALERTS:
        rule = rules[row["name"]]
        assert rule["criteria"]["allOf"][0]["query"] == row["query"]
        assert row["runbook"] in rule["description"]
        assert rule["actions"]["actionGroups"] == [group]
        assert rule["windowSize"] in EVERY | {"P2D"}


def test_the_events_that_alerts_count_are_never_sampled() -> None:
    """Sampling drops lines at random, and a count of the rest says nothing."""
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    assert "Trace" in host["logging"]["applicationInsights"]["samplingSettings"]["excludedTypes"].split(";")
