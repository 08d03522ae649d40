"""Scenarios of runs: their plans, their jobs and the watchdog."""

from typing import Final
from unittest.mock import patch

from shared.domain.run import RunMode
from shared.domain.sync.jobs import SyncRequest
from shared.workflows.snapshots import merger
from tests.simulation.engine.cluster import CONTOSO, FABRIKAM, GROUPS, ran
from tests.simulation.engine.faults import Fault
from tests.simulation.engine.play import HOUR_S, STALE_S, Do, Play, Scenario
from tests.simulation.engine.requests import BY
from tests.simulation.engine.scenarios.configuration import map_berlin
from tests.support.builders import person, user

#: Time after which a run is past its deadline, in seconds. Source: RUN_DEADLINE_S
_LATE_S: Final = 6 * HOUR_S + 60
_PLAN: Final = "Jobs fabrikam.* plan"


def _requests(mode: RunMode = RunMode.INCREMENTAL) -> Do:
    return lambda app: app.request_run(FABRIKAM, mode, BY)


def _lose_jobs(play: Play) -> None:
    """Begin a run whose messages are lost."""
    play.let_wait(HOUR_S, 2)
    play.request(FABRIKAM)
    play.settle()
    play.lose("fetch-jobs")


def a_request_meets_a_run_past_its_deadline(play: Play) -> None:
    """The request ends the run, and takes its place."""
    _lose_jobs(play)
    play.scheduler.loop.pass_time(_LATE_S)
    play.request(FABRIKAM)
    play.settle()


def a_run_is_past_its_deadline(play: Play) -> None:
    """The watchdog ends it."""
    _lose_jobs(play)
    play.watch(_LATE_S)


def a_run_is_sent_again_too_often(play: Play) -> None:
    """The watchdog ends it."""
    _lose_jobs(play)
    play.redeploy(run_max_messages=0)
    play.watch(STALE_S)


def a_tenant_is_deleted_before_its_request_is_planned(play: Play) -> None:
    """The request is dropped: the schedule had sent it."""
    at = play.history.host.instances[0].actor.now()
    play.before("query Tenants fabrikam$", play.delete_tenant)
    play.call(lambda app: app.schedule(at))


def a_directory_is_disconnected_before_its_request_is_planned(play: Play) -> None:
    """The request is dropped: the schedule had sent it."""

    def disconnect() -> None:
        play.stage.configure(FABRIKAM, "DISCONNECT", lambda app: app.connect.disconnect(FABRIKAM))

    at = play.history.host.instances[0].actor.now()
    play.before("query Tenants fabrikam$", disconnect)
    play.call(lambda app: app.schedule(at))


def settings_change_while_a_plan_is_made_again(play: Play) -> None:
    """The worker that had taken the tenant has died."""
    play.fail(f"insert {_PLAN}", Fault.CRASH_BEFORE)
    play.request(FABRIKAM)
    play.settle()
    play.before("query Locations fabrikam", map_berlin(play))
    play.wait(STALE_S)


def a_plan_is_newer_than_the_restored_state(play: Play) -> None:
    """It is not resumed, and its run ends at its deadline."""
    stored = play.copy("Tenants")
    play.sync(FABRIKAM)
    play.fail("replace Runs fabrikam", Fault.CRASH_BEFORE)
    play.call(_requests())
    run = next(run.id for run in play.stage.runs(FABRIKAM) if not run.state.ended)
    play.restore("Tenants", stored)
    for _ in range(2):
        play.send(SyncRequest(tenant=FABRIKAM, mode=RunMode.INCREMENTAL, request=run, requested_by="watchdog"))
        play.settle()


def a_sync_finds_a_newer_fence(play: Play) -> None:
    """The table of the tenants was restored from an earlier time."""
    stored = play.copy("Tenants")
    for number in range(2):
        play.cluster.directory(FABRIKAM).put(user(1, department=f"Moved {number}"))
        play.history.moved(FABRIKAM)
        play.sync(FABRIKAM)
    play.restore("Tenants", stored)
    play.sync(FABRIKAM, RunMode.FULL)


def a_request_can_be_neither_planned_nor_sent(play: Play) -> None:
    """Its run ends immediately."""
    play.fail("query Tenants fabrikam$", Fault.REFUSED)
    play.fail("send sync-requests", Fault.REFUSED)
    play.call(_requests())


def a_tenant_is_deleted_before_a_source_is_read(play: Play) -> None:
    """The job finds no plan."""
    play.before(f"get {_PLAN}", play.delete_tenant)
    play.request(FABRIKAM)
    play.settle()


def a_tenant_is_deleted_before_results_are_read(play: Play) -> None:
    """The results of its sources are gone."""
    play.before("query Jobs fabrikam", play.delete_tenant, skip=2)
    play.request(FABRIKAM)
    play.settle()


def a_tenant_is_deleted_before_nothing_is_found_changed(play: Play) -> None:
    """The report of the last run is gone."""
    play.sync(FABRIKAM)
    last = ran(play.view.sync_states.get(FABRIKAM)).value.up_to_date
    play.before(f"get Runs fabrikam {last and last.run}", play.delete_tenant)
    play.request(FABRIKAM)
    play.settle()


def an_announced_run_is_not_stored(play: Play) -> None:
    """Its request has died: the watchdog forgets it after the deadline."""
    play.fail("insert Runs fabrikam", Fault.CRASH_BEFORE)
    play.call(_requests())
    play.watch(_LATE_S)


def an_announced_run_is_never_planned(play: Play) -> None:
    """The watchdog ends it after the deadline."""
    play.fail("query Tenants fabrikam$", Fault.CRASH_BEFORE)
    play.call(_requests())
    play.watch(_LATE_S)


def a_waiting_run_is_never_started(play: Play) -> None:
    """The watchdog ends it after twice the deadline."""
    _lose_jobs(play)
    play.call(_requests())
    play.fail("send sync-requests", Fault.CRASH_BEFORE)
    play.watch(_LATE_S)
    play.watch(_LATE_S)


def a_group_is_gone(play: Play) -> None:
    """It counts as empty after a day."""
    directory = play.cluster.directory(FABRIKAM)
    directory.lost[GROUPS[0]] = directory.members.pop(GROUPS[0])
    play.history.moved(FABRIKAM)
    play.sync(FABRIKAM)
    play.scheduler.loop.pass_time(25 * HOUR_S)
    play.sync(FABRIKAM)


def neither_a_listing_nor_changes_can_be_read(play: Play) -> None:
    """The source has failed."""
    directory = play.cluster.directory(CONTOSO)
    directory.loops = directory.delta_expired = True
    play.sync(CONTOSO, RunMode.FULL)


def no_listing_can_be_read_and_changes_are_unclear(play: Play) -> None:
    """The source has failed after some rounds."""
    directory = play.cluster.directory(CONTOSO)
    directory.report(person(20), {"department": "New"})
    directory.silent_about.add(person(20))
    play.history.moved(CONTOSO)
    directory.loops = True
    play.sync(CONTOSO, RunMode.FULL)


def a_directory_has_too_many_ids_of_one_range(play: Play) -> None:
    """The source has failed."""
    with patch.object(merger, "MAX_PARTITION_ITEMS", 0):
        play.sync(CONTOSO, RunMode.FULL)


def a_message_pretends_to_be_of_the_app(play: Play) -> None:
    """It is dropped."""
    play.send(SyncRequest(tenant=FABRIKAM, mode=RunMode.FULL, request="unknown", requested_by="watchdog"))
    play.settle()


SCENARIOS: Final[tuple[Scenario, ...]] = (
    a_request_meets_a_run_past_its_deadline,
    a_run_is_past_its_deadline,
    a_run_is_sent_again_too_often,
    a_tenant_is_deleted_before_its_request_is_planned,
    a_directory_is_disconnected_before_its_request_is_planned,
    settings_change_while_a_plan_is_made_again,
    a_plan_is_newer_than_the_restored_state,
    a_sync_finds_a_newer_fence,
    a_request_can_be_neither_planned_nor_sent,
    a_tenant_is_deleted_before_a_source_is_read,
    a_tenant_is_deleted_before_results_are_read,
    a_tenant_is_deleted_before_nothing_is_found_changed,
    an_announced_run_is_not_stored,
    an_announced_run_is_never_planned,
    a_waiting_run_is_never_started,
    a_group_is_gone,
    neither_a_listing_nor_changes_can_be_read,
    no_listing_can_be_read_and_changes_are_unclear,
    a_directory_has_too_many_ids_of_one_range,
    a_message_pretends_to_be_of_the_app,
)
