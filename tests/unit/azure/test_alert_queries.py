"""Each alert's query over the rows that the product makes: it finds what it is for, and nothing in good times."""

import json
import logging
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from infra.azure.snapshot import FOLDER
from shared.domain.connections.connection_health import NoticeKind
from shared.telemetry import event
from tests.support.log_analytics import Workspace

ALERTS: dict[str, dict[str, Any]] = {
    row["name"]: row for row in json.loads((FOLDER / "alerts.json").read_text(encoding="utf-8"))
}
FIGURES: list[dict[str, str]] = json.loads((FOLDER / "figures.json").read_text(encoding="utf-8"))
RUNBOOKS = Path(__file__).parents[3] / "docs" / "runbooks"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
WINDOWS = {"PT15M": 15 * MINUTE, "PT30M": 30 * MINUTE, "PT1H": HOUR, "PT2H": 2 * HOUR, "P1D": 24 * HOUR}


class Rows:
    """What the product reports, in a workspace."""

    def __init__(self, workspace: Workspace, caplog: pytest.LogCaptureFixture) -> None:
        self._workspace = workspace
        self._caplog = caplog

    def event(self, name: str, *, age: timedelta = MINUTE, **fields: object) -> None:
        """Log an event as the product does."""
        self._caplog.clear()
        event(name, logging.INFO, **fields)
        self._workspace.trace(self._caplog.messages[0], age=age)

    def metric(self, name: str, value: float, *, age: timedelta = MINUTE, **labels: str) -> None:
        """Export a value of a metric."""
        self._workspace.metric(f"recipient_sync.{name}", value, age=age, **labels)

    def results(self, *reached: bool) -> None:
        """Store one result of the availability test for each place."""
        for number, success in enumerate(reached):
            self._workspace.availability(f"place {number}", success=success, age=MINUTE)


class Case(NamedTuple):
    """Rows, and whether the alert is sent for them."""

    alert: str
    sent: bool
    rows: Callable[[Rows], object]


def several(*rows: Callable[[Rows], object]) -> Callable[[Rows], None]:
    """Return a function that stores all these rows."""

    def store(into: Rows) -> None:
        for row in rows:
            row(into)

    return store


def logged(name: str, age: timedelta = MINUTE, **fields: object) -> Callable[[Rows], None]:
    """Return a function that logs an event."""
    return lambda rows: rows.event(name, age=age, **fields)


def measured(name: str, value: float, age: timedelta = MINUTE, **labels: str) -> Callable[[Rows], None]:
    """Return a function that exports a value."""
    return lambda rows: rows.metric(name, value, age=age, **labels)


def requests(throttled: int, ok: int) -> Callable[[Rows], None]:
    """Return a function that exports requests to storage."""
    return several(
        measured("storage.requests", throttled, service="table", outcome="throttled"),
        measured("storage.requests", ok, service="table", outcome="ok"),
    )


def executions(failed: int, succeeded: int) -> Callable[[Rows], None]:
    """Return a function that exports executions of functions."""
    return several(
        measured("invocations", failed, function="fetch_jobs", outcome="failed"),
        measured("invocations", succeeded, function="http", outcome="succeeded"),
    )


FINISHED, FAILED, HELD = (partial(logged, "finished", tenant="a", run="r", state=s) for s in ("done", "failed", "held"))
TICK, IDLE = (partial(logged, "scheduled", tick="t", tenants=number) for number in (3, 0))
CASES = [
    Case("dead-letters", True, logged("dead_letter", queue="fetch-jobs", message="m", code="storage")),
    Case("dead-letters", False, logged("dead_letter_superseded", queue="fetch-jobs", message="m")),
    Case("held-runs", True, measured("held_runs.age", 25 * 3600)),
    Case("held-runs", False, measured("held_runs.age", 23 * 3600)),
    Case("held-runs", False, measured("held_runs", 30)),
    *(
        Case(alert, kind in kinds, logged("notice", tenant="a", kind=kind, code="c", days=3))
        for alert, kinds in {
            "tenants-need-attention": {NoticeKind.NEEDS_ATTENTION, NoticeKind.FAILING},
            "secrets-expiring": {NoticeKind.EXPIRING},
        }.items()
        for kind in NoticeKind
    ),
    Case("no-finished-run", True, several(TICK(age=HOUR), TICK())),
    Case("no-finished-run", True, several(TICK(age=HOUR), FAILED())),
    Case("no-finished-run", True, lambda rows: None),
    Case("no-finished-run", True, several(TICK(), FINISHED(age=3 * HOUR))),
    Case("no-finished-run", False, several(TICK(age=HOUR), FAILED(), FINISHED())),
    Case("no-finished-run", False, several(TICK(), HELD())),
    Case("no-finished-run", False, several(IDLE(age=HOUR), IDLE())),
    Case("oldest-message", True, measured("queue.age", 31 * 60, queue="fetch-jobs")),
    Case("oldest-message", False, measured("queue.age", 29 * 60, queue="fetch-jobs")),
    Case("storage-throttling", True, requests(throttled=200, ok=10_000)),
    Case("storage-throttling", False, requests(throttled=50, ok=100)),
    Case("storage-throttling", False, requests(throttled=200, ok=100_000)),
    Case("error-rate", True, executions(failed=2, succeeded=30)),
    Case("error-rate", False, executions(failed=2, succeeded=100)),
    Case("error-rate", False, executions(failed=1, succeeded=3)),
    Case("recovery-failed", True, logged("watchdog_failed", tenant="a", run="r", code="c")),
    Case("recovery-failed", True, logged("request_failed", tenant="a", code="c")),
    Case("recovery-failed", True, logged("sweep_failed", tenant="a", code="c")),
    Case("recovery-failed", True, logged("import_sweep_failed", tenant="a", location="l", code="c")),
    Case("recovery-failed", False, logged("resumed", tenant="a", run="r", state="fetching")),
    Case("app-unreachable", True, lambda rows: rows.results(False, True, False)),
    Case("app-unreachable", False, lambda rows: rows.results(True, True, False)),
]


@pytest.fixture
def workspace() -> Workspace:
    """Return an empty workspace."""
    return Workspace()


@pytest.fixture
def rows(workspace: Workspace, caplog: pytest.LogCaptureFixture) -> Rows:
    """Return what stores rows in the workspace."""
    caplog.set_level(logging.INFO)
    return Rows(workspace, caplog)


def condition(alert: dict[str, Any]) -> str:
    """Return the query that the alert counts the rows of."""
    return " | ".join(alert[part] for part in ("query", "when") if part in alert)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}-{'sent' if case.sent else 'not-sent'}")
def test_an_alert_is_sent_for_what_it_is_for(case: Case, rows: Rows, workspace: Workspace) -> None:
    """And not for less."""
    case.rows(rows)
    alert = ALERTS[case.alert]
    assert bool(workspace.query(condition(alert), WINDOWS[alert.get("window", "PT2H")])) == case.sent


def test_every_alert_has_both_cases() -> None:
    """Rows for which it is sent, and rows for which it is not."""
    assert {(case.alert, case.sent) for case in CASES} == {(name, sent) for name in ALERTS for sent in (True, False)}


def test_what_is_older_than_the_window_is_not_counted(rows: Rows, workspace: Workspace) -> None:
    """The service does not give it to the query."""
    rows.event("dead_letter", age=16 * MINUTE)
    alert = ALERTS["dead-letters"]
    assert workspace.query(condition(alert), WINDOWS[alert["window"]]) == []
    assert len(workspace.query(condition(alert), HOUR)) == 1


@pytest.mark.parametrize("row", FIGURES, ids=lambda row: row["summary"])
def test_a_figure_has_a_time_and_a_number(row: dict[str, str], rows: Rows, workspace: Workspace) -> None:
    """Charts need both."""
    (name,) = re.findall(r"Name == 'recipient_sync\.([\w.]+)'", row["query"])
    rows.metric(name, 3, state="done", change="created", outcome="ok")
    (found,) = workspace.query(row["query"], HOUR)
    assert sum(isinstance(value, datetime) for value in found) == 1
    assert 3.0 in found


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_the_queries_of_the_runbooks_are_valid(page: Path, workspace: Workspace) -> None:
    """The operator pastes them in bad times."""
    queries = re.findall(r"`(App[A-Z]\w+\s*\|[^`]+)`", page.read_text(encoding="utf-8"))
    assert len(queries) == page.read_text(encoding="utf-8").count("`App")
    for query in queries:
        workspace.query(" ".join(query.split()), HOUR)


def test_a_column_that_does_not_exist_is_found(workspace: Workspace) -> None:
    """The queries are translated, not only read."""
    with pytest.raises(duckdb.BinderException, match="Massage"):
        workspace.query("AppTraces | where Massage startswith 'dead_letter '", HOUR)
