"""Scenarios of imports."""

import io
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from shared.bootstrap import App
from shared.domain.access.idempotency import IdempotentRequest
from shared.domain.ids import LocationId
from shared.domain.imports.import_record import ImportMark, ImportRef, ImportState
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.sync.jobs import ImportJob
from tests.simulation.engine.cluster import FABRIKAM, listed, ran
from tests.simulation.engine.faults import Fault
from tests.simulation.engine.play import DAY_S, HOUR_S, STALE_S, Do, Play, Scenario
from tests.simulation.engine.requests import BY, upload

BERLIN: Final = LocationId("berlin")
_HEADER: Final = b"mail,department\n"
_FILE: Final = _HEADER + b"user1@example.com,IT\nuser9@example.com,IT\n"
_QUEUE: Final = "import-jobs"
#: Time after which the claim of a worker that died has lapsed, in seconds.
_LAPSED_S: Final = 60.0


def _uploads(mode: ImportMode = ImportMode.MERGE, rows: bytes = b"user1@example.com,IT\n") -> Do:
    return lambda app: upload(app, FABRIKAM, BERLIN, mode, (_HEADER, rows))


async def _creates(app: App) -> object:
    return await app.upload_import.create(FABRIKAM, BERLIN, ImportMode.MERGE, BY)


def _mark(play: Play) -> ImportMark:
    return listed(play.view.imports.list_imports(FABRIKAM))[-1]


def _job(play: Play) -> ImportJob:
    stored = ran(play.view.imports.get(_mark(play).ref)).value
    assert stored.run is not None
    return stored.job(stored.run)


def _part(ref: ImportRef) -> Do:
    return lambda app: app.upload_import.put_part(ref, 1, _FILE)


def _start(ref: ImportRef, content: bytes = _FILE) -> Do:
    return lambda app: app.upload_import.start(ref, 1, sha256(content).hexdigest(), "")


def _end(play: Play) -> Callable[[], None]:
    """Return what ends the newest import: its location is deleted."""
    return lambda: play.stage.configure(FABRIKAM, "DELETE berlin", lambda app: app.locations.delete(FABRIKAM, BERLIN))


def reports_are_deleted(play: Play) -> None:
    """Some weeks after their end."""
    play.call(_uploads())
    play.watch(31 * DAY_S)


def an_upload_is_never_started(play: Play) -> None:
    """Its file is erased after a day."""
    play.call(_creates)
    play.call(_part(_mark(play).ref))
    play.watch(25 * HOUR_S)


def an_upload_is_started_while_it_expires(play: Play) -> None:
    """The watchdog is about to erase its file."""
    ref = _sent(play)
    play.before("query Uploads fabrikam", lambda: play.start(_start(ref)))
    play.watch(25 * HOUR_S)


def held_rows_are_never_approved(play: Play) -> None:
    """Their file is erased after a day."""
    play.call(_uploads(rows=b"user20@example.com,IT\nuser21@example.com,IT\n"))
    play.call(_uploads(ImportMode.OVERWRITE, b"user22@example.com,IT\n"))
    play.watch(25 * HOUR_S)


def it_ends_before_it_is_resumed(play: Play) -> None:
    """The watchdog has listed it before."""
    play.fail("send import-jobs", Fault.CRASH_BEFORE)
    play.call(_uploads())
    job = _job(play)
    play.before("get Imports", lambda: play.send(job))
    play.watch(STALE_S)


def it_is_closed_by_another(play: Play) -> None:
    """Its worker died after it had stored the outcome."""
    play.fail("replace Runs", Fault.CRASH_BEFORE, skip=1)
    play.call(_uploads())
    play.watch(_LAPSED_S)


def it_takes_more_than_a_day(play: Play) -> None:
    """It is given up."""
    play.fail("send import-jobs", Fault.CRASH_BEFORE)
    play.call(_uploads())
    play.watch(25 * HOUR_S)


def it_is_resumed_too_often(play: Play) -> None:
    """It is ended by the limit of messages."""
    play.redeploy(run_max_messages=1)
    play.fail("send import-jobs", Fault.CRASH_BEFORE, times=2)
    play.call(_uploads())
    play.watch(STALE_S)
    play.watch(STALE_S)


def it_is_given_up_during_a_sync(play: Play) -> None:
    """Its end waits for that of the sync."""
    _let_sync_wait(play)
    play.call(_uploads())
    play.give_up(_QUEUE)
    play.watch()


def _let_sync_wait(play: Play) -> None:
    """Begin a sync whose directory asks for a wait."""
    play.let_wait(HOUR_S, 2)
    play.request(FABRIKAM)
    play.settle()


def it_is_above_its_limit_during_a_sync(play: Play) -> None:
    """Its end waits for that of the sync."""
    _let_sync_wait(play)
    play.redeploy(run_max_messages=1)
    play.call(_uploads())
    play.wait(_LAPSED_S)
    play.wait(_LAPSED_S)


def it_ends_before_its_limit(play: Play) -> None:
    """Another message has ended it."""
    _let_sync_wait(play)
    play.call(_uploads())
    play.redeploy(run_max_messages=0)
    play.before("get Imports", _end(play), skip=1)
    play.wait(_LAPSED_S)


def the_same_request_is_sent_meanwhile(play: Play) -> None:
    """The second is told that the first is being processed."""
    repeatable = IdempotentRequest.of(BY, "import", "key", _FILE)

    async def imports(app: App) -> object:
        return await app.import_csv(FABRIKAM, BERLIN, io.BytesIO(_FILE), ImportMode.MERGE, "", BY, repeatable)

    play.before("write .* Recipients", lambda: play.start(imports))
    play.call(imports)


def an_upload_is_overwritten_in_a_request(play: Play) -> None:
    """The request waits for the end of the upload."""
    _let_sync_wait(play)
    play.call(_uploads())
    play.call(
        lambda app: app.import_csv(FABRIKAM, BERLIN, io.BytesIO(_FILE), ImportMode.OVERWRITE, "", BY),
    )


def a_waiting_import_is_delivered_twice(play: Play) -> None:
    """Both deliveries note that it still waits."""
    play.fail("get Uploads", Fault.CRASH_BEFORE, skip=2)  # after the two parts are sent
    play.call(_uploads())
    play.call(_uploads())
    play.before("replace Imports", lambda: play.repeat(_QUEUE))
    play.wait(6 * 60)


def a_location_is_deleted_during_an_upload(play: Play) -> None:
    """The part that was under way is deleted."""
    play.call(_creates)
    play.before("(put|write|insert).* Uploads", _end(play))
    play.call(_part(_mark(play).ref))


def _sent(play: Play) -> ImportRef:
    """Create an import, send its part, and return it."""
    play.call(_creates)
    ref = _mark(play).ref
    play.call(_part(ref))
    return ref


def _send_again(play: Play, ref: ImportRef) -> None:
    """Send the part again, and require that the file is imported."""
    play.call(_part(ref))
    play.call(_start(ref))
    play.finish()
    assert _mark(play).state is ImportState.DONE


def a_part_is_sent_twice_at_the_same_time(play: Play) -> None:
    """Each sender replaces what the other has stored, and one of the parts stays."""
    ref = _sent(play)
    play.before("Uploads .*part:00001", lambda: play.start(_part(ref)))
    _send_again(play, ref)


def a_part_is_stored_without_an_answer(play: Play) -> None:
    """It is sent again, and whether it was stored cannot be read at first: its sender keeps its pieces."""
    ref = _sent(play)
    play.fail("replace Uploads .*part:00001", Fault.RETRIED)
    play.fail("get Uploads .*part:00001", Fault.REFUSED, skip=1)
    _send_again(play, ref)


def an_import_begins_during_an_upload(play: Play) -> None:
    """The part comes late: once while the import works, and once after it has ended."""
    ref = _sent(play)
    play.before("(put|write|insert).* Uploads", lambda: play.start(_start(ref)))
    play.call(_part(ref))


def it_is_started_again(play: Play) -> None:
    """With another file, and after its end."""
    ref = _sent(play)
    _let_sync_wait(play)
    play.call(_start(ref))
    play.call(_start(ref, b"another"))
    play.finish()
    play.call(_start(ref))


def it_is_ended_while_it_works(play: Play) -> None:
    """Its claim cannot be renewed any more."""

    def end_later() -> None:
        _end(play)()
        play.scheduler.loop.pass_time(_LAPSED_S)

    play.before("Recipients fabrikam:berlin", end_later, skip=3)
    play.call(_uploads())


def it_ends_before_its_run_is_stored(play: Play) -> None:
    """The request that starts it is slow: it stores a run that has ended."""
    play.before("insert Runs fabrikam", _end(play))
    play.call(_uploads())


def it_ends_while_its_job_stores_its_run(play: Play) -> None:
    """The request that started it has died."""
    play.fail("insert Runs fabrikam", Fault.CRASH_BEFORE)
    play.call(_uploads())
    play.before("insert Runs fabrikam", _end(play))
    play.watch(STALE_S)


SCENARIOS: Final[tuple[Scenario, ...]] = (
    reports_are_deleted,
    an_upload_is_never_started,
    an_upload_is_started_while_it_expires,
    held_rows_are_never_approved,
    it_ends_before_it_is_resumed,
    it_is_closed_by_another,
    it_takes_more_than_a_day,
    it_is_resumed_too_often,
    it_is_given_up_during_a_sync,
    it_is_above_its_limit_during_a_sync,
    it_ends_before_its_limit,
    the_same_request_is_sent_meanwhile,
    an_upload_is_overwritten_in_a_request,
    a_waiting_import_is_delivered_twice,
    a_location_is_deleted_during_an_upload,
    a_part_is_sent_twice_at_the_same_time,
    a_part_is_stored_without_an_answer,
    an_import_begins_during_an_upload,
    it_is_started_again,
    it_is_ended_while_it_works,
    it_ends_before_its_run_is_stored,
    it_ends_while_its_job_stores_its_run,
)
