"""The figures of rounds."""

from infra.capacity.generated_section import is_current
from shared.domain.retry_policy import REDELIVERY
from shared.workflows.imports.claim import CLAIM
from tests.chaos import waits
from tests.chaos.events import Event
from tests.chaos.kept import Done, done
from tests.chaos.page import PAGE, SECTION, figures
from tests.chaos.plan import rounds


def _done(factor: float, wait_s: float, *differences: str) -> Done:
    return Done(
        number=1,
        recipients=100_000,
        factor=factor,
        faults={"429": 2},
        events={Event.KILL_HOST: 1, Event.TWO_HOSTS: 3},
        recovery_s={Event.KILL_HOST: wait_s},
        differences=list(differences),
        repeated=1,
        commit="abc",
        plan="",
    )


def test_figures_add_up() -> None:
    """Only signals are kills, and waits that were not divided count apart."""
    shown = figures([_done(20.0, 4.0), _done(20.0, 5.0, "x"), _done(1.0, 90.0)])
    assert "| rounds | 3 |" in shown
    assert "| rounds that differ from their twin | 1 |" in shown
    assert "| parts killed, ended or stopped | 3 |" in shown
    assert "| 429 | 6 |" in shown
    assert f"| {Event.KILL_HOST} | 3 | 5 | 90 |" in shown


def test_what_was_not_measured_says_so() -> None:
    """Neither has a number: the waits of a round that has not run, and an event that never happened."""
    shown = figures([_done(20.0, 4.0)])
    assert "| the same at real waits: measured | not measured |" in shown
    assert f"| {Event.KILL_VAULT} | 0 | not measured | not measured |" in shown


def test_the_page_has_the_figures_of_the_rounds_that_are_kept() -> None:
    """`python -m tests.chaos.page` renews them."""
    assert is_current(PAGE, figures(done()), name=SECTION)


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
