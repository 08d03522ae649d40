"""Scenarios of dead letters, the audit log, the erasure of people and the retention."""

from typing import Final

from shared.bootstrap import App
from shared.domain.access.callers import BackEnd
from shared.domain.erasure.person import Identifier
from shared.domain.ids import LocationId
from shared.domain.operations.audit import Action, EntryPoint
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.retry_policy import REDELIVERY
from shared.domain.run import RunState
from shared.domain.sync.jobs import SyncRequest
from shared.errors import Transient
from shared.workflows.operations.audit import Asked
from tests.simulation.engine.cluster import FABRIKAM, GROUPS, listed
from tests.simulation.engine.faults import Fault
from tests.simulation.engine.play import DAY_S, HOUR_S, Do, Play, Scenario
from tests.simulation.engine.requests import BY
from tests.support.builders import person

_BERLIN: Final = LocationId("berlin")
_FETCH: Final = "fetch-jobs"
_ASKED: Final = Asked(
    action=Action.LOCATION_SAVED, actor=BY, entry_point=EntryPoint.SERVICE_API, tenant=FABRIKAM, fields=("name",)
)
#: Longer than the minute of which refusals are counted together, in seconds.
_LATER_S: Final = 120.0


# Dead letters -------------------------------------------------------------------------------------------------------


def _let_fetch_wait(play: Play) -> None:
    """Begin a sync whose directory asks for a wait: its message can be received later."""
    play.cluster.directory(FABRIKAM).errors += [
        Transient("Too many requests.", code="throttled", retry_after_s=HOUR_S) for _ in range(2)
    ]
    play.request(FABRIKAM)
    play.settle()


def _entry(play: Play, queue: str) -> OperatorLogEntry:
    return next(entry for entry in listed(play.view.operator_log.list_entries()) if entry.queue == queue)


def poison_queues_cannot_be_read(play: Play) -> None:
    """The next watchdog empties them."""
    _let_fetch_wait(play)
    play.give_up(_FETCH)
    play.fail("receive fetch-jobs-poison", Fault.REFUSED)
    play.watch()
    play.watch()


def a_dead_letter_cannot_be_recorded(play: Play) -> None:
    """It stays in its poison queue until it can."""
    _let_fetch_wait(play)
    play.give_up(_FETCH)
    play.fail("(insert|put|replace) Ledger", Fault.REFUSED)
    play.watch()
    play.watch()


def a_request_is_given_up(play: Play) -> None:
    """No run waits for it. It can be sent again, once."""
    play.request(FABRIKAM)
    play.give_up(SyncRequest.queue)
    play.watch()
    entry = _entry(play, SyncRequest.queue)
    play.fail("send sync-requests", Fault.REFUSED)
    play.call(lambda app: app.replay.replay(entry.id, entry.queue, BY))
    play.fail("send sync-requests", Fault.CRASH_BEFORE)
    play.call(lambda app: app.replay.replay(entry.id, entry.queue, BY))
    play.call(lambda app: app.replay.replay(entry.id, entry.queue, BY))
    play.wait(_LATER_S)
    play.call(lambda app: app.replay.replay(entry.id, entry.queue, BY))


def a_message_of_an_ended_run_is_sent_again(play: Play) -> None:
    """It is refused: the run has ended without it."""
    _let_fetch_wait(play)
    play.give_up(_FETCH)
    play.watch()
    play.finish()
    entry = _entry(play, _FETCH)
    play.call(lambda app: app.replay.replay(entry.id, entry.queue, BY))
    play.call(lambda app: app.replay.discard(entry.id, entry.queue, BY))


def settings_change_before_a_message_is_given_up(play: Play) -> None:
    """Its run was superseded: there is nothing to mark."""
    _let_fetch_wait(play)
    play.give_up(_FETCH)
    mapping = [GroupMapping(id=GROUPS[1])]
    play.configure(FABRIKAM, lambda app: app.locations.put_mapping(FABRIKAM, _BERLIN, mapping))
    play.watch()


def a_location_is_given_up(play: Play) -> None:
    """Its fence cannot be read at any delivery but the last one, which closes it with what was written."""
    play.fail("get Recipients fabrikam:berlin !fence", Fault.REFUSED, times=REDELIVERY.retries + 1)
    _change(play)
    play.sync(FABRIKAM)


def an_approval_is_given_up(play: Play) -> None:
    """The run fails: what was approved is not deactivated."""
    directory = play.cluster.directory(FABRIKAM)
    directory.members[GROUPS[0]].clear()
    play.history.moved(FABRIKAM)
    held = play.sync(FABRIKAM)
    assert held.state is RunState.HELD
    play.before("send reconcile-jobs", lambda: None)
    play.fail("directory ", Fault.REFUSED, times=REDELIVERY.retries + 1)
    play.call(lambda app: app.review_held.approve(FABRIKAM, held.id, held.held_digest or "", BY))
    play.finish()


def a_defect_is_met_at_the_last_delivery(play: Play) -> None:
    """The operator log names the type of the error only."""
    _let_fetch_wait(play)
    play.message(_FETCH).deliveries = REDELIVERY.retries
    play.cluster.directory(FABRIKAM).errors[:] = [ZeroDivisionError("a defect")]
    play.wait(HOUR_S)


# Audit log ----------------------------------------------------------------------------------------------------------


def an_outcome_is_not_recorded(play: Play) -> None:
    """The entry stays without one."""

    async def change(app: App) -> None:
        await app.audit.end(await app.audit.begin(_ASKED), status=200)

    play.fail("insert Audit", Fault.REFUSED, skip=1)
    play.call(change)


def a_refusal_is_not_recorded(play: Play) -> None:
    """It stays a refusal."""
    play.fail("insert Audit", Fault.REFUSED)
    play.call(lambda app: app.audit.refused(BackEnd(), _ASKED, status=403, code="forbidden"))


def refusals_of_strangers_are_stored_later(play: Play) -> None:
    """Those of a minute are counted on when they cannot be stored."""

    async def refuse(app: App) -> None:
        await app.audit.refused(None, _ASKED, status=401, code="unauthenticated")
        play.scheduler.loop.pass_time(_LATER_S)
        await app.audit.flush()
        await app.audit.flush()

    play.fail("insert Audit", Fault.REFUSED)
    play.call(refuse)


# Erasure of people --------------------------------------------------------------------------------------------------


def _erase(number: int) -> Do:
    return lambda app: app.erase_person.start(FABRIKAM, Identifier.OBJECT_ID, person(number), BY)


def _change(play: Play) -> None:
    """Let a person leave the directory."""
    directory = play.cluster.directory(FABRIKAM)
    directory.remove(person(1))
    play.history.moved(FABRIKAM)


def a_person_is_erased(play: Play) -> None:
    """At the second look nothing can be written by what ran at the first. The directory brings the person back."""
    play.call(_erase(2))
    play.watch(HOUR_S)
    play.sync(FABRIKAM)


def a_person_is_erased_who_has_left(play: Play) -> None:
    """Nothing brings this person back, and the history keeps its numbers."""
    _change(play)
    play.sync(FABRIKAM)
    play.call(_erase(1))
    play.watch(HOUR_S)


def an_erasure_dies(play: Play) -> None:
    """The watchdog goes on, also if it cannot do so immediately."""
    play.fail("write .* Recipients fabrikam", Fault.CRASH_AFTER)
    play.call(_erase(2))
    play.fail("get Tenants fabrikam erasure", Fault.REFUSED)
    play.watch(HOUR_S)
    play.watch(HOUR_S)
    play.watch(HOUR_S)


def a_sync_comes_first(play: Play) -> None:
    """The erasure waits for its end."""
    _change(play)
    play.before("write .* Recipients fabrikam|replace Recipients fabrikam", lambda: play.request(FABRIKAM))
    play.call(_erase(2))
    play.watch(HOUR_S)
    play.watch(HOUR_S)


def two_workers_erase_a_person(play: Play) -> None:
    """The one that comes second answers how far the first one is."""
    play.before("(merge|replace) Tenants fabrikam erasure", play.start_watchdog)
    play.call(_erase(2))
    play.watch(HOUR_S)


# Retention ----------------------------------------------------------------------------------------------------------


def old_rows_are_deleted(play: Play) -> None:
    """A year later, in a round that two watchdogs begin at the same time."""
    _change(play)
    play.sync(FABRIKAM)
    play.before("(insert|replace) Tenants !retention", play.start_watchdog)
    play.watch(500 * DAY_S)
    play.watch(2 * DAY_S)


def a_round_fails(play: Play) -> None:
    """It begins again, and a tenant that fails has its turn in the next one."""
    play.fail("query Ledger", Fault.REFUSED)
    play.watch(2 * DAY_S)
    play.fail("query Runs fabrikam", Fault.REFUSED)
    play.watch(2 * DAY_S)


SCENARIOS: Final[tuple[Scenario, ...]] = (
    poison_queues_cannot_be_read,
    a_dead_letter_cannot_be_recorded,
    a_request_is_given_up,
    a_message_of_an_ended_run_is_sent_again,
    settings_change_before_a_message_is_given_up,
    a_location_is_given_up,
    an_approval_is_given_up,
    a_defect_is_met_at_the_last_delivery,
    an_outcome_is_not_recorded,
    a_refusal_is_not_recorded,
    refusals_of_strangers_are_stored_later,
    a_person_is_erased,
    a_person_is_erased_who_has_left,
    an_erasure_dies,
    a_sync_comes_first,
    two_workers_erase_a_person,
    old_rows_are_deleted,
    a_round_fails,
)
