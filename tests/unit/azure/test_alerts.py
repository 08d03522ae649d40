"""Each alert uses events and metrics that the product has, and names its runbook."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra.azure.expressions import evaluate
from infra.azure.snapshot import FOLDER, Snapshot
from shared.domain.connections.connection_health import NoticeKind
from shared.domain.run import RunState
from shared.telemetry import metrics
from shared.telemetry.spans import outcome_of

ROOT = Path(__file__).parents[3]
ALERTS: list[dict[str, Any]] = json.loads((FOLDER / "alerts.json").read_text(encoding="utf-8"))
FIGURES: list[dict[str, Any]] = json.loads((FOLDER / "figures.json").read_text(encoding="utf-8"))

#: Event names in the code, as `event("name", ...)`.
EVENTS = {
    name
    for path in (ROOT / "shared").rglob("*.py")
    for name in re.findall(r'\bevent\(\s*"(\w+)"', path.read_text(encoding="utf-8"))
}
#: Names of metrics, with their attributes.
METRICS = {metric.name: set(metric.attributes) for metric in metrics.METRICS}
#: Values of the attribute `outcome`.
OUTCOMES = {outcome_of(status, is_throttled=throttled) for status in (200, 503) for throttled in (False, True)}
#: Values that a query may compare the fields of events with.
KINDS = {str(kind) for kind in NoticeKind}
STATES = {str(state) for state in RunState}
#: Periods and windows that a log alert may have.
#: Source: https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-create-log-alert-rule
EVERY = {"PT5M", "PT10M", "PT15M", "PT30M", "PT45M", "PT1H", "PT2H", "PT3H", "PT4H", "PT5H", "PT6H", "P1D"}


@pytest.fixture(params=ALERTS, ids=lambda alert: alert["name"])
def alert(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return each alert."""
    row: dict[str, Any] = request.param
    return row


@pytest.fixture(params=[*ALERTS, *FIGURES], ids=lambda row: row["summary"])
def query(request: pytest.FixtureRequest) -> str:
    """Return each query of an alert or of the workbook."""
    return " | ".join(request.param[part] for part in ("query", "when") if part in request.param)


def test_a_query_uses_names_that_exist(query: str) -> None:
    """An event or a metric that is renamed would silence an alert."""
    names = re.findall(r"Message startswith '(\w+) '", query)
    measured = re.findall(r"Name == '([\w.]+)'", query)
    assert query.count("startswith") == len(names)
    assert query.count("Name ==") == len(measured)
    assert set(names) <= EVENTS
    assert set(measured) <= set(METRICS)
    assert set(re.findall(r"App\w+", query)) == (
        {"AppTraces"} if names else {"AppMetrics"} if measured else {"AppAvailabilityResults"}
    )


def test_a_query_uses_fields_and_attributes_that_exist(query: str) -> None:
    """A kind, a state or an attribute that is renamed would silence an alert as well."""
    values = {"kind": KINDS, "state": STATES}
    for field, value in re.findall(r"Message !?has '(\w+)=(\w+)'", query):
        assert value in values[field]
    for metric in re.findall(r"Name == '([\w.]+)'", query):
        assert set(re.findall(r"Properties\.(\w+)", query)) <= METRICS[metric]
    compared = re.findall(r"tostring\(Properties\.(\w+)\) == '(\w+)'", query)
    assert [pair for pair in compared if pair[0] != "outcome" or pair[1] not in OUTCOMES] == []


def test_every_metric_is_shown() -> None:
    """By the workbook, in a figure of its own or in that of an alert."""
    shown = {name for row in (*ALERTS, *FIGURES) for name in re.findall(r"Name == '([\w.]+)'", row["query"])}
    assert shown == set(METRICS)


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


def deployed_in(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return the alerts that an environment has."""
    tested = bool(snapshot.of_type("Microsoft.Insights/webtests"))
    return [row for row in ALERTS if tested or row.get("needs") != "availabilityTest"]


def test_every_alert_is_deployed(snapshot: Snapshot) -> None:
    """With its query, its runbook, and the operator as its recipient."""
    rules = {rule["name"]: rule["properties"] for rule in snapshot.of_type("Microsoft.Insights/scheduledQueryRules")}
    assert list(rules) == [row["name"] for row in deployed_in(snapshot)]
    group = snapshot.one("Microsoft.Insights/actionGroups")["id"]
    for row in deployed_in(snapshot):
        rule = rules[row["name"]]
        condition = " | ".join(row[part] for part in ("query", "when") if part in row)
        assert rule["criteria"]["allOf"][0]["query"] == condition
        assert row["runbook"] in rule["description"]
        assert rule["actions"]["actionGroups"] == [group]
        assert rule["windowSize"] in EVERY | {"P2D"}


def test_the_workbook_shows_the_figures_of_the_alerts(snapshot: Snapshot) -> None:
    """With the same queries, before the conditions of the alerts."""
    properties = snapshot.one("Microsoft.Insights/workbooks")["properties"]
    time, *items = json.loads(properties["serializedData"])["items"]
    shown = [(item["content"]["title"], item["content"]["query"]) for item in items]
    assert shown == [(row["summary"], row["query"]) for row in (*deployed_in(snapshot), *FIGURES)]
    (parameter,) = time["content"]["parameters"]
    assert {item["content"]["timeContextFromParameter"] for item in items} == {parameter["name"]}
    assert {item["content"]["visualization"] for item in items} <= {"table", "timechart", "barchart"}
    assert properties["sourceId"] == snapshot.one("Microsoft.OperationalInsights/workspaces")["id"]


def test_the_availability_test_opens_what_is_live(prod: Snapshot) -> None:
    """Without dependencies: they have alerts of their own."""
    test = prod.one("Microsoft.Insights/webtests")
    address = evaluate(test["properties"]["Request"]["RequestUrl"], lambda _, path: f"{path}.example")
    assert address == "https://defaultHostName.example/api/health/live"
    assert f"hidden-link:{prod.one('Microsoft.Insights/components')['id']}" in test["tags"]
    assert len(test["properties"]["Locations"]) == 3


def test_the_events_that_alerts_count_are_never_sampled(snapshot: Snapshot) -> None:
    """The product exports them itself, and its sampler is for spans only; the host's own sampling has no effect."""
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    assert host["telemetryMode"] == "OpenTelemetry"
    assert "applicationInsights" not in host["logging"]
    settings = snapshot.app_settings()
    assert settings["PYTHON_ENABLE_OPENTELEMETRY"] == "true"
    assert "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY" not in settings
