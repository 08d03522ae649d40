"""Scenarios of races between runs, the watchdog and changes of settings."""

from typing import Final

from shared.domain.ids import LocationId
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.run import RunMode, RunState
from tests.simulation.engine.cluster import FABRIKAM, GROUPS
from tests.simulation.engine.faults import Fault
from tests.simulation.engine.play import STALE_S, Play, Scenario
from tests.simulation.engine.requests import BY
from tests.support.builders import person, user

_BERLIN: Final = LocationId("berlin")


def _join(play: Play) -> None:
    """Let a person join each group, and one leave."""
    directory = play.cluster.directory(FABRIKAM)
    directory.put(user(20), user(21))
    for group, number in zip(GROUPS, (20, 21), strict=True):
        directory.members[group].append(person(number))
    directory.remove(person(1))
    play.history.moved(FABRIKAM)


def a_source_is_read_late(play: Play) -> None:
    """The run waits for it, and everyone is there afterwards."""
    _join(play)
    play.before("insert Jobs fabrikam:.* fetch:", lambda: None)
    run = play.sync(FABRIKAM)
    assert run.state is RunState.DONE, run
    play.history.invariants.i3_completeness(FABRIKAM)


def settings_change_before_a_batch(play: Play) -> None:
    """The batch was decided by the previous ones: it is not written."""
    _join(play)
    mapping = [GroupMapping(id=GROUPS[1])]
    play.before(
        "write .* Recipients fabrikam:berlin",
        lambda: play.stage.configure(
            FABRIKAM, "PUT mapping", lambda app: app.locations.put_mapping(FABRIKAM, _BERLIN, mapping)
        ),
    )
    play.sync(FABRIKAM)


def the_watchdog_looks_before_a_run_is_stored(play: Play) -> None:
    """The request has announced it, stores it then, and dies: the watchdog finds the run later."""
    play.before("insert Runs fabrikam", play.start_watchdog)
    play.fail("insert Runs fabrikam", Fault.CRASH_AFTER)
    play.call(lambda app: app.request_run(FABRIKAM, RunMode.INCREMENTAL, BY))
    play.watch(STALE_S)


SCENARIOS: Final[tuple[Scenario, ...]] = (
    a_source_is_read_late,
    settings_change_before_a_batch,
    the_watchdog_looks_before_a_run_is_stored,
)
