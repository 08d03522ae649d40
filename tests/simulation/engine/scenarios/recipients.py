"""Scenarios of people's changes, of fences, and of recipients that are deleted."""

from typing import Final

from shared.domain.erasure.person import Identifier
from shared.domain.ids import MAIN, LocationId, recipient_id_of
from shared.domain.retry_policy import ROW_UPDATE
from tests.simulation.engine.cluster import FABRIKAM, GROUPS
from tests.simulation.engine.faults import Fault
from tests.simulation.engine.play import DAY_S, STALE_S, Act, Do, Play, Scenario
from tests.simulation.engine.requests import BY
from tests.support.builders import person, user

_BERLIN: Final = LocationId("berlin")
_FENCE: Final = "get Recipients fabrikam:berlin !fence"


def _edit(number: int, department: str = "Edited") -> Do:
    recipient = recipient_id_of(MAIN, person(number))
    return lambda app: app.edit_recipient(FABRIKAM, _BERLIN, recipient, {"department": department}, active=None, by=BY)


def _closes(play: Play) -> Act:
    """Return what lets the watchdog take every worker for dead."""

    def close() -> None:
        play.scheduler.loop.pass_time(STALE_S)
        play.start_watchdog()

    return close


def _leave(play: Play) -> None:
    """Let a person leave, and be deactivated."""
    play.cluster.directory(FABRIKAM).remove(person(1))
    play.history.moved(FABRIKAM)
    play.sync(FABRIKAM)


def others_edit_all_the_time(play: Play) -> None:
    """The edit ends after some attempts, without an effect."""
    numbers = iter(range(ROW_UPDATE.attempts))
    play.before(
        "write .* Recipients fabrikam:berlin",
        lambda: play.start(_edit(2, f"Other {next(numbers)}")),
        times=ROW_UPDATE.attempts,
    )
    play.call(_edit(0))


def an_edit_is_closed_before_it_is_written(play: Play) -> None:
    """The watchdog takes its worker for dead."""
    play.before(_FENCE, _closes(play))
    play.call(_edit(0))


def an_edit_is_closed_before_it_is_stored(play: Play) -> None:
    """Its worker is slow: it cannot store the edit afterwards, and then it dies."""
    play.before("insert Runs fabrikam", _closes(play))
    play.fail("insert Runs fabrikam", Fault.CRASH_AFTER)
    play.call(_edit(0))


def a_sync_begins_while_an_edit_is_closed(play: Play) -> None:
    """The worker of the edit has died. The edit is closed after the sync."""
    play.fail(_FENCE, Fault.CRASH_BEFORE)
    play.call(_edit(0))

    def sync() -> None:
        play.let_wait(DAY_S, 2)
        play.request(FABRIKAM)

    play.before("get Runs fabrikam", sync)
    play.watch(STALE_S)
    play.watch(STALE_S)


def an_edit_finds_a_newer_fence(play: Play) -> None:
    """The table of the tenants was restored from an earlier time."""
    stored = play.copy("Tenants")
    play.cluster.directory(FABRIKAM).put(user(1, department="Moved"))
    play.history.moved(FABRIKAM)
    play.sync(FABRIKAM)
    play.restore("Tenants", stored)
    play.call(_edit(0))


def a_job_is_given_up_while_it_works(play: Play) -> None:
    """Its run has given the location up when it wants to write."""
    play.cluster.directory(FABRIKAM).put(user(1, department="Moved"))
    play.history.moved(FABRIKAM)

    def give_up() -> None:
        play.give_up("reconcile-jobs", "berlin")
        play.start_watchdog()

    play.before(_FENCE, give_up)
    play.request(FABRIKAM)
    play.settle()


def an_erasure_is_not_answered(play: Play) -> None:
    """The fence shows that it was written."""
    play.fail("write .* Recipients fabrikam:berlin", Fault.LOST)
    play.call(lambda app: app.erase_person.start(FABRIKAM, Identifier.OBJECT_ID, person(1), BY))
    play.watch(DAY_S)


def a_location_is_deleted_during_an_erasure(play: Play) -> None:
    """The erasure begins again with the others."""
    play.before(
        "query Locations fabrikam",
        lambda: play.stage.configure(FABRIKAM, "DELETE", lambda app: app.locations.delete(FABRIKAM, _BERLIN)),
        skip=1,
    )
    play.call(lambda app: app.erase_person.start(FABRIKAM, Identifier.OBJECT_ID, person(1), BY))
    play.watch(DAY_S)


def a_snapshot_is_replaced_while_the_departed_are_deleted(play: Play) -> None:
    """They are deleted in the next round."""
    _leave(play)
    play.scheduler.loop.pass_time(400 * DAY_S)
    play.sync(FABRIKAM)

    def replace() -> None:
        directory = play.cluster.directory(FABRIKAM)
        for number in (3, 4):
            directory.put(user(number, department="Moved"))
        directory.members[GROUPS[0]].remove(person(2))
        play.history.moved(FABRIKAM)
        play.request(FABRIKAM)

    play.before("get Snapshots fabrikam.* manifest", replace)
    play.watch()


def a_tenant_is_deleted_while_its_departed_are_looked_for(play: Play) -> None:
    """Its last plan is gone."""
    play.scheduler.loop.pass_time(DAY_S)
    play.before("get Jobs fabrikam.* plan", play.delete_tenant)
    play.watch()


def a_pause_begins_while_the_departed_are_deleted(play: Play) -> None:
    """They are deleted in a round after the pause."""
    _leave(play)
    play.scheduler.loop.pass_time(400 * DAY_S)
    play.sync(FABRIKAM)
    play.before(_FENCE, lambda: play.start(lambda app: app.emergency_stop.pause(FABRIKAM, BY)))
    play.watch()


SCENARIOS: Final[tuple[Scenario, ...]] = (
    others_edit_all_the_time,
    an_edit_is_closed_before_it_is_written,
    an_edit_is_closed_before_it_is_stored,
    a_sync_begins_while_an_edit_is_closed,
    an_edit_finds_a_newer_fence,
    a_job_is_given_up_while_it_works,
    an_erasure_is_not_answered,
    a_location_is_deleted_during_an_erasure,
    a_snapshot_is_replaced_while_the_departed_are_deleted,
    a_tenant_is_deleted_while_its_departed_are_looked_for,
    a_pause_begins_while_the_departed_are_deleted,
)
