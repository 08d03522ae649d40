"""Scenarios of what admins decide about runs."""

from typing import Final

from shared.domain.run import Run, RunMode
from shared.domain.snapshots.withheld import MIN_PEOPLE
from tests.simulation.engine.cluster import CONTOSO, FABRIKAM, GROUPS
from tests.simulation.engine.play import DAY_S, HOUR_S, Do, Play, Scenario
from tests.simulation.engine.requests import BY
from tests.support.builders import user


def _hold(play: Play) -> Run:
    """Let all people of a location leave, and return the run that holds them."""
    play.cluster.directory(FABRIKAM).members[GROUPS[0]].clear()
    play.history.moved(FABRIKAM)
    return play.sync(FABRIKAM)


def _approves(run: Run) -> Do:
    return lambda app: app.review_held.approve(FABRIKAM, run.id, run.held_digest or "", BY)


def it_is_rejected_while_it_is_approved(play: Play) -> None:
    """The approval gives the tenant back."""
    held = _hold(play)
    play.before(
        f"replace Runs fabrikam {held.id}",
        lambda: play.start(lambda app: app.review_held.reject(FABRIKAM, held.id, BY)),
    )
    play.call(_approves(held))


def a_newer_run_has_ended(play: Play) -> None:
    """What the older one held has expired."""
    held = _hold(play)
    play.sync(FABRIKAM)
    play.call(_approves(held))


def a_preview_is_active(play: Play) -> None:
    """The approval has to wait."""
    held = _hold(play)
    play.let_wait(HOUR_S, 2)
    play.call(lambda app: app.request_run.preview(FABRIKAM, RunMode.INCREMENTAL, None, BY))
    play.call(_approves(held))


def its_plan_was_deleted(play: Play) -> None:
    """Plans are kept for some weeks only."""
    held = _hold(play)
    play.sync(FABRIKAM)
    play.watch(40 * DAY_S)
    play.call(_approves(held))


def withheld_values_are_accepted_late(play: Play) -> None:
    """A newer run has ended."""
    directory = play.cluster.directory(CONTOSO)
    directory.put(*(user(number) for number in range(2 * MIN_PEOPLE)))
    play.history.moved(CONTOSO)
    play.sync(CONTOSO)
    directory.withholds = True
    play.history.moved(CONTOSO)
    withheld = play.sync(CONTOSO, RunMode.FULL)
    play.sync(CONTOSO)
    play.call(lambda app: app.accept_cleared(CONTOSO, withheld.id, BY))


SCENARIOS: Final[tuple[Scenario, ...]] = (
    it_is_rejected_while_it_is_approved,
    a_newer_run_has_ended,
    a_preview_is_active,
    its_plan_was_deleted,
    withheld_values_are_accepted_late,
)
