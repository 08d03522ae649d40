"""Scenarios of changes of the configuration, of pauses and of limits."""

from collections.abc import Callable
from typing import Final

import msgspec

from shared.domain.config_change import ConfigChange
from shared.domain.ids import LocationId
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.retry_policy import ROW_UPDATE
from tests.simulation.engine.cluster import FABRIKAM, GROUPS, ran
from tests.simulation.engine.faults import Fault
from tests.simulation.engine.play import DAY_S, HOUR_S, Do, Play, Scenario
from tests.simulation.engine.requests import BY, form_of
from tests.support.builders import BACK_END, person

_BERLIN: Final = LocationId("berlin")


def map_berlin(play: Play) -> Callable[[], None]:
    """Return what changes which groups feed a location."""
    groups = [GroupMapping(id=GROUPS[1])]
    return lambda: play.stage.configure(
        FABRIKAM, "PUT mapping", lambda app: app.locations.put_mapping(FABRIKAM, _BERLIN, groups)
    )


def _connects(play: Play) -> Do:
    form = form_of(play.cluster.directory(FABRIKAM))
    return lambda app: app.connect.connect(FABRIKAM, form, BACK_END)


def a_change_begins_while_an_interrupted_one_is_completed(play: Play) -> None:
    """By a request, which completes it as well: the second was interrupted, too."""

    def begin() -> None:
        state, etag = ran(play.view.sync_states.get(FABRIKAM))
        version = state.config_version + 1
        begun = msgspec.structs.replace(
            state,
            fencing_token=state.fencing_token + 1,
            config_version=version,
            change=ConfigChange(version=version, runs=state.change.runs if state.change is not None else ()),
        )
        ran(play.view.sync_states.replace(FABRIKAM, begun, etag))

    begin()
    play.before("replace Tenants fabrikam state", begin)
    play.request(FABRIKAM)
    play.settle()


def the_sign_in_is_removed_while_credentials_are_entered(play: Play) -> None:
    """The connection is erased that was stored afterwards."""
    play.before(
        "put secret",
        lambda: play.stage.configure(FABRIKAM, "DELETE sign-in", lambda app: app.connect.remove_sso(FABRIKAM)),
    )
    play.configure(FABRIKAM, _connects(play))


def another_application_is_entered_during_a_sync(play: Play) -> None:
    """A job finds the new connection before its run is superseded."""
    play.cluster.directory(FABRIKAM).client_id = person(60)

    def read_again() -> None:
        play.scheduler.loop.pass_time(HOUR_S)

    def sync() -> None:
        play.request(FABRIKAM)
        play.before("get Tenants fabrikam state", read_again)

    play.before("replace Tenants fabrikam connection", sync)
    play.configure(FABRIKAM, _connects(play))


def others_enter_credentials_all_the_time(play: Play) -> None:
    """A request is told to wait, as if it were above its limit."""
    play.configure(FABRIKAM, _connects(play))

    def count() -> None:
        for partition, row in play.copy("Limits"):
            play.touch("Limits", partition, row)

    play.before("replace Limits", count, times=ROW_UPDATE.attempts)
    play.configure(FABRIKAM, _connects(play))


def a_fence_is_replaced_all_the_time(play: Play) -> None:
    """The change is completed by the watchdog."""
    play.before(
        "replace Recipients fabrikam:berlin !fence",
        lambda: play.touch("Recipients", "fabrikam:berlin", "!fence"),
        times=ROW_UPDATE.attempts,
    )
    map_berlin(play)()
    play.settle()


def settings_change_before_a_run_is_stored(play: Play) -> None:
    """The worker that planned it has died."""
    play.fail("insert Runs fabrikam", Fault.CRASH_BEFORE)
    play.request(FABRIKAM)
    play.settle()
    map_berlin(play)()
    play.settle()


def settings_change_while_a_run_is_stored(play: Play) -> None:
    """The worker that planned it is slow: it cannot store the run afterwards."""
    play.before("insert Runs fabrikam", map_berlin(play))
    play.request(FABRIKAM)
    play.settle()


def a_pause_of_all_is_refused_for_a_tenant(play: Play) -> None:
    """The others are paused, and the watchdog pauses this one."""
    play.fail("replace Tenants fabrikam state", Fault.REFUSED)
    play.call(lambda app: app.emergency_stop.pause_all(BY))
    play.watch()
    play.call(lambda app: app.emergency_stop.resume_all(BY))


def a_tenant_is_deleted_while_all_are_paused(play: Play) -> None:
    """Nothing of it is left."""
    play.before("get Tenants fabrikam state", play.delete_tenant)
    play.call(lambda app: app.emergency_stop.pause_all(BY))
    play.call(lambda app: app.emergency_stop.resume_all(BY))
    play.watch(DAY_S)


def the_schedule_cannot_send(play: Play) -> None:
    """It goes on with the other tenants."""
    play.fail("send sync-requests", Fault.REFUSED)
    at = play.history.host.instances[0].actor.now()
    play.call(lambda app: app.schedule(at))


SCENARIOS: Final[tuple[Scenario, ...]] = (
    a_change_begins_while_an_interrupted_one_is_completed,
    the_sign_in_is_removed_while_credentials_are_entered,
    another_application_is_entered_during_a_sync,
    others_enter_credentials_all_the_time,
    a_fence_is_replaced_all_the_time,
    settings_change_before_a_run_is_stored,
    settings_change_while_a_run_is_stored,
    a_pause_of_all_is_refused_for_a_tenant,
    a_tenant_is_deleted_while_all_are_paused,
    the_schedule_cannot_send,
)
