"""Scenarios of tenants that are deleted and created again, of named keys, and of people who sign in."""

import io
from typing import Final

import msgspec

from shared.bootstrap import App
from shared.domain.access.callers import KeyScope
from shared.domain.ids import LocationId
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.run import RunMode
from tests.simulation.engine.cluster import FABRIKAM, GROUPS, MODES, listed, mapping_of, preferences, ran
from tests.simulation.engine.faults import Fault
from tests.simulation.engine.play import HOUR_S, STALE_S, Play, Scenario
from tests.simulation.engine.requests import BY, create_tenant, form_of, watchdog
from tests.support.builders import BACK_END

_BERLIN: Final = LocationId("berlin")
_FILE: Final = b"mail,department\nnew@example.com,IT\n"
#: A worker stores a page that it has read.
_PAGE: Final = "(put|write|insert).* Snapshots fabrikam"
#: Longer than one request, and one look of the watchdog, delete rows, in seconds.
_TOO_LONG_S: Final = 200.0


def _create(play: Play) -> None:
    mode = MODES[FABRIKAM]
    mapping = {LocationId(location): groups for location, groups in mapping_of(mode).items()}
    directory = play.cluster.directory(FABRIKAM)
    play.configure(FABRIKAM, lambda app: create_tenant(app, FABRIKAM, directory, preferences(mode), mapping))


def it_is_created_again(play: Play) -> None:
    """As soon as its id is free: it begins with nothing of its earlier life."""
    play.delete_tenant()
    play.settle()
    _create(play)  # too early: refused
    play.watch(STALE_S)
    _create(play)
    play.sync(FABRIKAM)


def it_is_deleted_twice(play: Play) -> None:
    """The second request is told how far the first one is; later no deletion is in progress."""
    play.delete_tenant()
    play.settle()
    play.delete_tenant()
    play.settle()
    play.watch(STALE_S)
    play.call(lambda app: app.deletion.get(FABRIKAM))


def it_takes_longer_than_a_request(play: Play) -> None:
    """The watchdog goes on, and after its time the next one."""
    play.before("query Runs fabrikam", lambda: play.scheduler.loop.pass_time(_TOO_LONG_S))
    play.delete_tenant()
    play.settle()
    play.before("delete secret", lambda: play.scheduler.loop.pass_time(_TOO_LONG_S))
    play.watch()


def a_look_of_the_watchdog_fails(play: Play) -> None:
    """The next one goes on."""
    play.delete_tenant()
    play.settle()
    play.fail("delete secret", Fault.REFUSED)
    play.watch(STALE_S)
    play.watch()


def two_watchdogs_delete_it(play: Play) -> None:
    """The second one finds that the first has dropped the deletion."""
    play.delete_tenant()
    play.settle()
    play.before("get Tenants !deletions", play.start_watchdog)
    play.watch(STALE_S)


def its_deletion_dies_before_it_begins(play: Play) -> None:
    """Its sync goes on until the watchdog comes; what its worker writes then never is the next one's."""
    play.fail("query Tenants !secrets|get Tenants fabrikam connection", Fault.CRASH_BEFORE)
    play.delete_tenant()
    play.settle()
    play.scheduler.loop.pass_time(HOUR_S)
    play.request(FABRIKAM, RunMode.FULL)
    play.before(_PAGE, play.start_watchdog)
    play.fail(_PAGE, Fault.DELAYED)
    play.settle()
    _create(play)


def a_sync_outlives_its_tenant(play: Play) -> None:
    """It is deleted, looked for again, and created, while a worker is in the middle of a page: the id is not free."""

    async def replace(app: App) -> None:
        await app.tenants.delete(FABRIKAM)
        for _ in range(2):
            await watchdog(app)
        await app.tenants.put(FABRIKAM, "Another customer")

    play.before(_PAGE, lambda: play.start(replace))
    play.request(FABRIKAM, RunMode.FULL)
    play.settle()
    play.watch(STALE_S)
    play.watch(STALE_S)
    _create(play)


def a_sync_writes_after_it_was_deleted(play: Play) -> None:
    """Its worker was in the middle of a page. The row is found, and the wait begins again."""
    play.before(_PAGE, play.delete_tenant)
    play.request(FABRIKAM, RunMode.FULL)
    play.settle()
    play.watch(STALE_S)
    _create(play)  # too early: refused
    play.watch(STALE_S)
    _create(play)


def a_secret_is_stored_while_it_is_deleted(play: Play) -> None:
    """The request that stores it is refused, or its secret is deleted later."""
    form = form_of(play.cluster.directory(FABRIKAM))
    play.before("put secret", play.delete_tenant)
    play.configure(FABRIKAM, lambda app: app.connect.connect(FABRIKAM, form, BACK_END))
    play.watch(STALE_S)
    play.watch(STALE_S)


def _is_created_again(play: Play, label: str, skip: int) -> None:
    """Its worker stands still, another completes the deletion, and people are imported into the new location."""

    async def again(app: App) -> object:
        await app.locations.put(FABRIKAM, _BERLIN, "Berlin")  # completes the deletion first
        return await app.import_csv(FABRIKAM, _BERLIN, io.BytesIO(_FILE), ImportMode.MERGE, "", BY)

    play.before(label, lambda: play.start(again), skip=skip)
    play.configure(FABRIKAM, lambda app: app.locations.delete(FABRIKAM, _BERLIN))
    left = {one.profile.mail for one in listed(play.view.recipients.list_recipients(FABRIKAM, _BERLIN))}
    assert left == {"new@example.com"}, left
    assert _BERLIN in {location.id for location in ran(play.view.settings.list_locations(FABRIKAM))}


def a_location_is_created_again_before_its_rows_are_deleted(play: Play) -> None:
    """By a worker that stands still and has listed the rows of the earlier one."""
    _is_created_again(play, "write .* Recipients fabrikam:berlin", 0)


def a_location_is_created_again_before_its_rows_are_listed(play: Play) -> None:
    """The worker that stands still lists the rows of the new one, and leaves them."""
    _is_created_again(play, "query Recipients fabrikam:berlin$", 1)


def a_location_is_created_again_before_it_is_marked(play: Play) -> None:
    """The worker that stands still has read the earlier one, and does not mark the new one."""
    _is_created_again(play, "merge Locations fabrikam berlin", 0)


def a_location_is_created_again_before_it_is_deleted(play: Play) -> None:
    """The worker that stands still has found no row of the earlier one."""
    _is_created_again(play, "delete Locations fabrikam berlin", 0)


def a_name_of_a_key_is_used_twice(play: Play) -> None:
    """The second request is refused, also after the key was revoked."""
    for _ in range(2):
        play.call(lambda app: app.named_keys.create("robot", [KeyScope.READ], [FABRIKAM], 1, BY))
    play.call(lambda app: app.named_keys.revoke("robot", BY))
    play.call(lambda app: app.named_keys.create("robot", [KeyScope.READ], None, 1, BY))


def a_key_is_revoked_while_its_tenant_is_deleted(play: Play) -> None:
    """Both change the key: one of them looks again."""
    play.call(lambda app: app.named_keys.create("robot", [KeyScope.READ], [FABRIKAM], 1, BY))
    play.before("replace Tenants !keys", play.delete_tenant)
    play.call(lambda app: app.named_keys.revoke("robot", BY))


def a_group_that_may_sign_in_is_lost(play: Play) -> None:
    """Those who are assigned by name are still listed."""
    stored = ran(play.view.settings.get_preferences(FABRIKAM))
    changed = msgspec.structs.replace(stored, sso_users=True)
    play.configure(FABRIKAM, lambda app: app.preferences.put(FABRIKAM, changed))
    directory = play.cluster.directory(FABRIKAM)
    directory.lost[GROUPS[1]] = directory.members.pop(GROUPS[1])
    play.call(lambda app: app.sso_users.sso_users(FABRIKAM))


SCENARIOS: Final[tuple[Scenario, ...]] = (
    it_is_created_again,
    it_is_deleted_twice,
    it_takes_longer_than_a_request,
    a_look_of_the_watchdog_fails,
    two_watchdogs_delete_it,
    its_deletion_dies_before_it_begins,
    a_sync_outlives_its_tenant,
    a_sync_writes_after_it_was_deleted,
    a_secret_is_stored_while_it_is_deleted,
    a_location_is_created_again_before_its_rows_are_deleted,
    a_location_is_created_again_before_its_rows_are_listed,
    a_location_is_created_again_before_it_is_marked,
    a_location_is_created_again_before_it_is_deleted,
    a_name_of_a_key_is_used_twice,
    a_key_is_revoked_while_its_tenant_is_deleted,
    a_group_that_may_sign_in_is_lost,
)
