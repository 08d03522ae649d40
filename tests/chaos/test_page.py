"""The figures of rounds."""

from typing import Any

from shared.domain.retry_policy import REDELIVERY
from shared.workflows.imports.claim import CLAIM
from tests.chaos import waits
from tests.chaos.events import Event
from tests.chaos.page import PAGE, figures, table
from tests.chaos.plan import rounds

_ROUND: dict[str, Any] = {
    "recipients": 100_000,
    "factor": 20.0,
    "faults": {"429": 2},
    "events": {"host killed with its workers (SIGKILL)": 1, "two hosts at the same time": 3},
    "differences": [],
    "repeated": 1,
    "longest_recovery_s": 4.5,
    "commit": "abc",
}


def test_figures_add_up() -> None:
    """Only signals are kills, and waits that were not divided count apart."""
    other = {**_ROUND, "recipients": 2_000, "factor": 1.0, "differences": ["x"], "longest_recovery_s": 90.0}
    found = figures([_ROUND, other])
    assert (found["rounds"], found["rounds_of_100000"], found["differences"]) == (2, 1, 1)
    assert (found["faults"], found["kills"], found["repeated"]) == ({"429": 4}, 2, 2)
    assert (found["longest_recovery_s"], found["longest_recovery_at_real_waits_s"]) == (4.5, 90.0)


def test_what_was_not_measured_says_so() -> None:
    """A page without a round at real waits has no number for it."""
    shown = table(figures([_ROUND]))
    assert "| the same at real waits: measured | not measured |" in shown
    assert "| 429 | 2 |" in shown


def test_the_page_has_the_longest_times() -> None:
    """They follow from the waits of host and product."""
    text = PAGE.read_text(encoding="utf-8")
    for wait_s in (waits.lock_s(1), waits.longest_s(1)):
        assert f"| {wait_s / 60:.0f} minutes |" in text
    for wait_s in (REDELIVERY.first_wait_s, CLAIM.total_seconds()):
        assert f"| {wait_s:.0f} seconds |" in text


def test_there_are_thirty_rounds() -> None:
    """Ten large ones, one at real waits, and everything that can happen happens."""
    planned = rounds()
    assert [one.number for one in planned] == list(range(30))
    assert sum(one.recipients == 100_000 for one in planned) == 10
    assert sum(one.factor == 1 for one in planned) == 1
    assert {step.event for one in planned for step in one.steps} == set(Event)
