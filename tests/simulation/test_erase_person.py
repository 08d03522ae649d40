"""Erasure of one person: nothing is left in any table, the history still counts, and no death of a worker matters."""

import copy
import dataclasses
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from itertools import count
from typing import Any, NamedTuple

import msgspec
import pytest

from shared.adapters.stores import erasures
from shared.bootstrap import App
from shared.domain.access.callers import AdminGrant, Admins
from shared.domain.access.idempotency import IdempotencyRecord
from shared.domain.access.sso_users import ProductUser, Role
from shared.domain.erasure.erasure import Erasure, ErasureState, Position
from shared.domain.erasure.person import Identifier, Person
from shared.domain.ids import ImportId, LocationId, RecipientId, RunId, TenantId
from shared.domain.imports.import_record import ImportRef
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.operations.audit import Action, EntryPoint
from shared.domain.operations.operator_log import ROW, OperatorLogEntry
from shared.domain.preferences.email_filter import EmailFilter
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.recipient import Status
from shared.domain.run import Run, RunKind, RunState
from shared.domain.schema_version import READABLE
from shared.domain.sync.jobs import ImportJob
from shared.errors import Rejected, SyncError, Transient
from shared.ports.erasures import Step
from shared.telemetry import RequestCounters
from shared.workflows.operations import erase_person
from shared.workflows.operations.audit import Asked
from shared.workflows.operations.erase_person import ErasureReport
from tests.simulation.engine.requests import upload
from tests.simulation.importing import Interrupting
from tests.support.builders import person, recipient_id_for, user
from tests.support.fakes.on_tables import ports_on
from tests.support.fakes.table_service import MemoryTables
from tests.support.world import SETTINGS, Crash, Fuse, World, deliver

CONTOSO, BERLIN = TenantId("contoso"), LocationId("berlin")
#: The number of the person. Every value of this person contains the word canary.
CANARY = 3
MAIL = "canary.mail@example.com"
NAME = "Zoe Canary"
#: What must not be left: words of values, and ids.
NEEDLES = (b"canary", person(CANARY).encode(), recipient_id_for(CANARY).encode())
PREFERENCES = Preferences(
    mode=Mode.FULL,
    allow_csv_to_update_directory=True,
    sso_filter=EmailFilter(domains=("example.org",), addresses=(MAIL,)),
)
BY = "person:00000000-0000-4000-8000-000000000777:00000000-0000-4000-8000-000000000778"


class Filled(NamedTuple):
    """A world in which the person is everywhere."""

    world: World
    tables: MemoryTables
    #: The run that changed the person, and the one that holds the deactivation of most people.
    changed: Run
    held: Run


def canary_user(**fields: object) -> Any:  # noqa: ANN401 - a directory user
    """Return the person as the directory has them."""
    values = {
        "user_principal_name": "canary.upn@example.com",
        "display_name": NAME,
        "given_name": "Canarina",
        "mail": MAIL,
        "aliases": ("canary.alias@example.com",),
        "other_mails": ("canary.private@example.net",),
        "department": "canary-department",
        "street_address": "Canary Street 3",
    }
    return user(CANARY, **{**values, **fields})


async def filled(*, leaves: bool = True) -> Filled:
    """Put the person into every table: sync, change, edit, undo, imports, upload, held run, users, logs.

    If the person `leaves` the directory, the last run holds that, and no snapshot has them.
    """
    tables = MemoryTables()
    world = World(ports_on(tables))
    people = [user(number) for number in range(30) if number != CANARY]
    directory = await world.tenant("contoso", [*people, canary_user()], PREFERENCES, {"berlin": [], "munich": []})
    await world.sync("contoso", "first")
    directory.put(canary_user(department="canary-moved"))
    changed = await world.sync("contoso", "second")
    await _edit(world, RecipientId(recipient_id_for(CANARY)), {"job_title": "canary-edited"})
    await _edit(world, RecipientId(recipient_id_for(5)), {"manager_name": NAME, "manager_mail": MAIL})
    edited = await world.newest("contoso")
    await world.app.undo(CONTOSO, edited.id, BY)
    await _edit(world, RecipientId(recipient_id_for(5)), {"manager_name": NAME, "manager_mail": MAIL.upper()})
    await world.app.erase_person.start(CONTOSO, Identifier.MAIL, "unknown@example.com", f"person:x:{person(CANARY)}")
    await _files(world)
    await _logs(world)
    directory.remove(*(person(number) for number in range(25) if leaves or number != CANARY))
    held = await world.sync("contoso", "third")
    assert (held.state, held.locations[BERLIN].held) == (RunState.HELD, 24 + leaves)
    assert {name for name, _ in _left(tables)} >= {
        "Recipients",
        *([] if leaves else ["Snapshots"]),
        "Runs",
        "Jobs",
        "Imports",
        "Uploads",
        "Users",
        "Tenants",
        "IdempotencyKeys",
        "Ledger",
        "Audit",
    }
    return Filled(world, tables, changed, held)


async def _edit(world: World, recipient: RecipientId, fields: Mapping[str, str]) -> None:
    world.clock.advance(1)
    await world.app.edit_recipient(CONTOSO, BERLIN, recipient, fields, None, f"person:x:{person(CANARY)}")


async def _files(world: World) -> None:
    """Import a file with the person, refuse one that names them, and leave one that is not started."""
    upload = world.app.upload_import
    imported = f"name,mail,job title\n{NAME},{MAIL},canary-imported\nOther,other@example.com,IT\n"
    refused = f"name,mail\n{NAME},canary at nowhere\n{NAME},{MAIL}\n{NAME},{MAIL}\n"
    for content in (imported.encode(), refused.encode()):
        ref = (await upload.create(CONTOSO, BERLIN, ImportMode.MERGE, BY)).ref
        await upload.put_part(ref, 1, content)
        await upload.start(ref, 1, sha256(content).hexdigest(), "")
        await world.drain()
    gone = ImportRef(CONTOSO, BERLIN, ImportId("8204576261968-0000000b"))
    await world.ports.imports.put_part(gone, 1, imported.encode())  # it came late, and the worker died
    waiting = (await upload.create(CONTOSO, BERLIN, ImportMode.MERGE, BY)).ref
    await upload.put_part(waiting, 1, f"name,mail\n{NAME},{MAIL}\n".encode("utf-16"))


async def _logs(world: World) -> None:
    """Name the person in settings, users, logs and answers."""
    ports, now = world.ports, world.clock.now()
    grant = AdminGrant(azure_tenant_id=person(900), object_id=person(CANARY))
    await ports.settings.put_admins(CONTOSO, Admins(azure_tenant_id=person(901), people=(grant,)))
    product_user = ProductUser(
        object_id=person(CANARY),
        mail=MAIL,
        display_name=NAME,
        role=Role.VIEWER,
        created_at=now,
        created_by=BY,
    )
    await ports.users.insert(CONTOSO, product_user)
    other = msgspec.structs.replace(
        product_user,
        object_id=person(9),
        mail="other@example.com",
        display_name="Other",
        created_by=f"person:x:{person(CANARY)}",
    )
    await ports.users.insert(CONTOSO, other)
    await world.app.dead_letters.add_entry("sync-requests", "m1", f"contoso: {NAME} {MAIL}", "poison", "Why.", None)
    entry = OperatorLogEntry(
        id=f"Recipients contoso:berlin r:{recipient_id_for(CANARY)}",
        at=now,
        queue=ROW,
        code="unreadable_row",
        detail="A row cannot be read.",
        body=f"Recipients contoso:berlin r:{recipient_id_for(CANARY)}",
        tenant=CONTOSO,
    )
    await ports.operator_log.record(entry)
    answer = f"{NAME} {MAIL}".encode()
    record = IdempotencyRecord(digest="d", run=RunId("8204576261968-0000000a"), at=now, answer=answer)
    await ports.idempotency.replace(CONTOSO, "k", record, None)
    asked = Asked(
        action=Action.RECIPIENT_EDITED.value,
        actor=f"person:x:{person(CANARY)}",
        entry_point=EntryPoint.SIGNED_IN,
        tenant=CONTOSO,
        subject={"location": "berlin", "recipient": recipient_id_for(CANARY)},
    )
    await world.app.audit.end(await world.app.audit.begin(asked), status=200)


def _left(tables: MemoryTables) -> list[tuple[str, str]]:
    """Return table and key of each row that names the person, packed and compressed values included."""
    return [
        (table, f"{partition} {row}")
        for table, rows in tables._tables.items()
        for partition, inside in rows.items()
        for row, (columns, _) in inside.items()
        if any(needle in text.lower() for text in _texts(columns) for needle in NEEDLES)
    ]


def _texts(columns: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield every text of a row; `p00`, `p01` and so on are one value."""
    packed = b"".join(columns[name] for name in sorted(columns) if name[0] == "p" and name[1:].isdecimal())
    yield from _inflated(packed)
    for value in columns.values():
        if not isinstance(value, bytes):
            yield str(value).encode(errors="surrogatepass")


def _inflated(content: bytes) -> Iterator[bytes]:
    """Yield bytes, and what every compressed stream in them contains."""
    yield content
    yield content.replace(b"\0", b"")  # UTF-16
    start = content.find(b"\x78")
    while start >= 0:
        with suppress(zlib.error):
            inner = zlib.decompressobj().decompress(content[start:])
            if len(inner) > 1:
                yield from _inflated(inner)
        start = content.find(b"\x78", start + 1)


async def erase(
    world: World, app: App | None = None, identifier: Identifier = Identifier.MAIL, text: str = MAIL
) -> ErasureReport:
    """Erase the person, and once more when nothing that ran then can still write."""
    product = app or world.app
    report = await product.erase_person.start(CONTOSO, identifier, text, BY)
    assert report.erasure.state is ErasureState.SETTLING
    world.clock.advance(1_000)
    await product.erase_person.complete()
    return await product.erase_person.get(CONTOSO, report.erasure.id)


async def _runs(world: World) -> list[Run]:
    return [run async for run in world.ports.runs.list_runs(CONTOSO)]


@pytest.mark.parametrize(
    ("identifier", "text"),
    [
        (Identifier.MAIL, MAIL.upper()),
        (Identifier.OBJECT_ID, person(CANARY)),
        (Identifier.RECIPIENT, recipient_id_for(CANARY)),
    ],
)
async def test_nothing_is_left_of_the_person(identifier: Identifier, text: str) -> None:
    """However they are named: no row of any table has a value or an id of them, also inside packed values."""
    world, tables, _, _ = await filled(leaves=False)
    others = {
        location: [other for other in recipients if other.id != recipient_id_for(CANARY)]
        for location, recipients in (await world.everything("contoso")).items()
    }
    report = await erase(world, identifier=identifier, text=text)
    assert report.erasure.state is ErasureState.DONE
    assert _left(tables) == []
    assert report.erasure.erased["Recipients"] >= 2
    after = await world.everything("contoso")
    assert [one.id for one in after["berlin"]] == [one.id for one in others["berlin"]]
    assert after["munich"] == others["munich"]
    managed = next(one for one in after["berlin"] if one.id == recipient_id_for(5))
    assert (managed.profile.manager_name, managed.profile.manager_mail) == (None, None)


async def test_the_history_still_counts() -> None:
    """Each run's report is what its journal has, as before; the erasure itself is an edit that names no recipient."""
    world, _, _, _ = await filled()
    before = {run.id: run.counts for run in await _runs(world)}
    await erase(world)
    runs = await _runs(world)
    assert {run.id: run.counts for run in runs if run.id in before} == before
    for run in runs:
        for location, report in run.locations.items():
            if run.kind is not RunKind.IMPORT or run.state.ended:
                journal = await world.ports.recipients.get_journal_counts(CONTOSO, location, run.id)
                assert journal == msgspec.structs.replace(report.counts, skipped=0), (run, location)
    (new,) = [run for run in runs if run.id not in before]
    assert (new.kind, new.requested_by, new.counts.deactivated) == (RunKind.EDIT, BY, 2)
    summary = (await world.ports.sync_states.get(CONTOSO)).value.summary
    stored = [recipient for recipients in (await world.everything("contoso")).values() for recipient in recipients]
    assert summary.recipients == sum(recipient.status is Status.ACTIVE for recipient in stored)


async def test_an_import_that_has_begun_is_counted() -> None:
    """Its file names the person, so it ends; what it had written until then stays, and is in its report."""
    world, _, _, _ = await filled(leaves=False)
    rows = b"".join(b"csv%d@example.com,IT\n" % number for number in range(250))
    await upload(world.app, CONTOSO, BERLIN, ImportMode.MERGE, (b"mail,department\n", f"{MAIL},IT\n".encode() + rows))
    (job,) = [message for message in world.queue.messages if isinstance(message, ImportJob)]

    async def erased() -> None:
        await erase(world)

    stopped = Interrupting(world.ports.recipients, "write", 2, erased)
    with pytest.raises(SyncError):
        await deliver(App(dataclasses.replace(world.ports, recipients=stopped), SETTINGS), job)
    ended = await world.run(CONTOSO, job.run)
    assert (ended.state, ended.problems[0].code) == (RunState.FAILED, "person_erased")
    assert ended.counts.created
    assert ended.counts == await world.ports.recipients.get_journal_counts(CONTOSO, BERLIN, job.run)


async def test_undo_skips_the_person() -> None:
    """What a run had changed of them does not come back; of others it does."""
    world, tables, changed, _ = await filled()
    await erase(world)
    undone = await world.app.undo(CONTOSO, changed.id, BY)
    assert undone.counts.updated == 0
    first = (await _runs(world))[-1]
    world.clock.advance(1)
    await world.app.undo(CONTOSO, first.id, BY)
    assert _left(tables) == []


async def test_a_held_set_is_approved_again() -> None:
    """The digest that was approved or shown before is refused; the new one deactivates the others."""
    world, _, _, held = await filled()
    await erase(world)
    again = await world.run("contoso", held.id)
    assert again.state is RunState.HELD
    assert again.locations[BERLIN].held == 24
    assert again.held_digest not in {None, held.held_digest}
    with pytest.raises(Rejected, match="has changed"):
        await world.app.review_held.approve(CONTOSO, held.id, held.held_digest or "", BY)
    await world.app.review_held.approve(CONTOSO, held.id, again.held_digest or "", BY)
    await world.drain()
    assert (await world.run("contoso", held.id)).counts.deactivated == 48


async def test_the_filter_does_not_open() -> None:
    """The last address of an e-mail filter is replaced, because an empty filter admits everyone."""
    world, _, _, _ = await filled()
    await world.ports.settings.put_preferences(
        CONTOSO, msgspec.structs.replace(PREFERENCES, sso_filter=EmailFilter(addresses=(MAIL,)))
    )
    await erase(world)
    filter_ = (await world.ports.settings.get_preferences(CONTOSO)).sso_filter
    filter_.require_sense()
    assert not filter_.accepts("anyone@example.com")
    assert not filter_.accepts(MAIL)


async def test_the_directory_brings_the_person_back() -> None:
    """The report says so; the next sync finds them where they still are."""
    world, tables, _, _ = await filled(leaves=False)
    report = await erase(world)
    assert report.returns
    await world.sync("contoso", "fourth")
    assert recipient_id_for(CANARY) in {one.id for one in await world.recipients("contoso", "berlin")}
    assert {name for name, _ in _left(tables)} >= {"Recipients", "Snapshots"}


async def test_an_erasure_waits_for_a_sync() -> None:
    """While a run is active nothing is erased; the watchdog goes on afterwards."""
    world, tables, _, _ = await filled()
    await world.request("contoso", "fourth")
    (request,) = world.queue.messages
    world.queue.messages.clear()
    await world.app.plan(request, RequestCounters())  # type: ignore[arg-type]
    report = await world.app.erase_person.start(CONTOSO, Identifier.MAIL, MAIL, BY)
    assert report.erasure.state is ErasureState.FINDING
    await world.drain()
    for _ in range(3):
        world.clock.advance(1_000)
        await world.app.erase_person.complete()
    assert (await world.app.erase_person.get(CONTOSO, report.erasure.id)).erasure.state is ErasureState.DONE
    assert _left(tables) == []


async def test_an_erasure_waits_for_the_end_of_a_pause() -> None:
    """While writing is paused nothing is erased; the watchdog goes on once it is resumed."""
    world, tables, _, _ = await filled()
    await world.app.emergency_stop.pause(CONTOSO, BY)
    before = copy.deepcopy(tables._tables["Recipients"])
    report = await world.app.erase_person.start(CONTOSO, Identifier.MAIL, MAIL, BY)
    assert report.erasure.state is ErasureState.FINDING
    assert tables._tables["Recipients"] == before
    await world.app.emergency_stop.resume(CONTOSO, BY)
    for _ in range(2):
        await world.app.erase_person.complete()
        world.clock.advance(1_000)
    assert (await world.app.erase_person.get(CONTOSO, report.erasure.id)).erasure.state is ErasureState.DONE
    assert _left(tables) == []


async def test_an_address_of_several_people_erases_none() -> None:
    """Two accounts with one address: the id has to say which one is meant."""
    world, tables, _, _ = await filled()
    world.directory().put(canary_user(), user(40, mail=MAIL))
    await world.sync("contoso", "fourth")
    before = copy.deepcopy(tables._tables["Recipients"])
    report = await world.app.erase_person.start(CONTOSO, Identifier.MAIL, MAIL, BY)
    assert (report.erasure.state, report.erasure.erased) == (ErasureState.AMBIGUOUS, {})
    assert tables._tables["Recipients"] == before


async def test_a_person_who_is_not_known_changes_nothing() -> None:
    """Nothing is found, nothing is changed, but for the file without an import, which is always deleted."""
    world, _, _, _ = await filled()
    report = await erase(world, text="stranger@example.com")
    assert (report.erasure.state, report.erasure.erased) == (ErasureState.DONE, {"Uploads": 1})


async def test_a_person_who_asks_for_their_own_erasure() -> None:
    """Is not named as the one who asked, either."""
    world, tables, _, _ = await filled()
    own = f"person:x:{person(CANARY)}"
    await world.app.erase_person.start(CONTOSO, Identifier.MAIL, MAIL, own)
    for _ in range(3):
        world.clock.advance(1_000)
        await world.app.erase_person.complete()
    assert _left(tables) == []
    assert "person:x:erased" in {erasure.by async for erasure in world.ports.erasures.list_erasures(CONTOSO)}


async def test_an_erasure_ends_however_often_the_tenant_is_synced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run between all steps makes the round begin again only while it could have read the person in a snapshot."""
    world, tables, _, _ = await filled()
    monkeypatch.setattr(erasures, "_ROWS", 20)
    seconds = count(step=15)
    monkeypatch.setattr(world.clock, "monotonic_s", lambda: float(next(seconds)))  # time for one step in each call
    report = await world.app.erase_person.start(CONTOSO, Identifier.MAIL, MAIL, BY)
    for number in range(150):
        world.clock.advance(300)
        await world.app.erase_person.complete()
        if number % 3 == 0:
            await world.sync("contoso", f"again {number}")
    assert (await world.app.erase_person.get(CONTOSO, report.erasure.id)).erasure.state is ErasureState.DONE
    assert _left(tables) == []


async def test_a_run_that_could_have_read_the_person_begins_the_round_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It began after the recipients were erased, and before the last snapshot was."""
    world, _, _, _ = await filled()
    report = await world.app.erase_person.start(CONTOSO, Identifier.MAIL, MAIL, BY)
    erasure, etag = await world.ports.erasures.get(CONTOSO, report.erasure.id)
    position = Position("Snapshots", "contoso:main:users", "0")
    token = (await world.ports.sync_states.get(CONTOSO)).value.fencing_token
    changed = {"state": ErasureState.ERASING, "position": position, "fencing_token": token - 1, "erased_at": None}
    await world.ports.erasures.replace(msgspec.structs.replace(erasure, **changed), etag)
    rounds = []
    store, erase_rows = world.app.erase_person.erasures, world.app.erase_person.erasures.erase

    async def noted(tenant: TenantId, person: Person, after: Position | None) -> Step:
        rounds.append(after)
        return await erase_rows(tenant, person, after)

    monkeypatch.setattr(store, "erase", noted)
    await world.app.erase_person.complete()
    assert rounds == [position, None]


async def test_many_erasures_leave_the_watchdog_time_for_its_other_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look takes about two minutes for all of them, and in the end all of them are done."""
    world, _, _, _ = await filled()
    names = [
        (await world.app.erase_person.start(CONTOSO, Identifier.MAIL, f"unknown{number}@example.com", BY)).erasure.id
        for number in range(30)
    ]
    for name in names:
        erasure, etag = await world.ports.erasures.get(CONTOSO, name)
        again = {"state": ErasureState.FINDING, "rounds": 0, "erased_at": None}
        await world.ports.erasures.replace(msgspec.structs.replace(erasure, **again), etag)
    seconds = count(step=10)
    monkeypatch.setattr(world.clock, "monotonic_s", lambda: float(next(seconds)))
    looks = []
    for _ in range(200):
        before = next(seconds)
        await world.app.erase_person.complete()
        looks.append(next(seconds) - before)
        world.clock.advance(300)
    assert max(looks) <= erase_person.IN_WATCHDOG_S + 50
    assert {(await world.app.erase_person.get(CONTOSO, name)).erasure.state for name in names} == {ErasureState.DONE}


#: Rows of all kinds that a newer version has written, or that are damaged.
UNREADABLE = {
    "Recipients": [("contoso:berlin", "r:damaged"), ("contoso:berlin", "!journal:8204576261968-0000000a:1:x:1")],
    "Snapshots": [("contoso:main:users", "0007:damaged")],
    "Runs": [("contoso", "8204576261968-0000000a")],
    "Jobs": [("contoso:8204576261968-0000000a", "plan")],
    "Imports": [("contoso", "berlin:damaged")],
    "Users": [("contoso", "damaged")],
    "Tenants": [("contoso", "erasure:damaged")],
    "IdempotencyKeys": [("contoso", "damaged")],
    "Ledger": [("ledger", "t:damaged")],
    "Audit": [("!operator", "8204576261968-damaged"), ("contoso", "8204576261968-damaged")],
}


async def test_rows_that_cannot_be_read_stop_no_erasure() -> None:
    """They are left alone and recorded, the rest is erased, and the report says that they can name the person."""
    world, tables, _, _ = await filled()
    for table, rows in UNREADABLE.items():
        for partition, row in rows:
            damaged = {"schema": READABLE + 1, "p00": b"canary.mail@example.com", "action": "x", "origin": "sideways"}
            await tables.put(table, {"PartitionKey": partition, "RowKey": row, **damaged})
    report = await erase(world)
    assert report.erasure.state is ErasureState.DONE
    unread = {(table, f"{partition} {row}") for table, rows in UNREADABLE.items() for partition, row in rows}
    recorded = {entry.body async for entry in world.ports.operator_log.list_entries() if entry.queue == ROW}
    assert {" ".join(row) for row in unread} <= recorded
    left = {row for row in unread if row[0] != "Snapshots"}  # a source that names the person is deleted as a whole
    assert (set(_left(tables)), report.erasure.unread) == (left, len(left))
    assert "unreadable_rows" in {place.place for place in report.elsewhere}


async def test_two_workers_that_go_on_at_once() -> None:
    """The one that comes second reports how far the other one is."""
    world, _, _, _ = await filled()
    store, replace, calls = world.app.erase_person.erasures, world.app.erase_person.erasures.replace, 0

    async def slow(erasure: Erasure, etag: str | None) -> str:
        nonlocal calls
        calls += 1
        if calls == 3:
            await world.app.erase_person.complete()
        return await replace(erasure, etag)

    store.replace = slow  # type: ignore[method-assign]
    report = await world.app.erase_person.start(CONTOSO, Identifier.MAIL, MAIL, BY)
    assert report.erasure.state is ErasureState.SETTLING


class DyingTables(MemoryTables):
    """The same tables, whose every write can be the last thing that the process does."""

    def __init__(self, tables: MemoryTables, fuse: Fuse) -> None:
        super().__init__()
        self._tables = tables._tables
        self._etags = tables._etags
        self._fuse = fuse

    async def insert(self, table: str, entity: Mapping[str, Any]) -> str:
        """Insert a row, or die."""
        self._fuse.burn(after=False)
        etag = await super().insert(table, entity)
        self._fuse.burn(after=True)
        return etag

    async def _replace(self, table: str, entity: Mapping[str, Any], etag: str) -> str:
        self._fuse.burn(after=False)
        version = await super()._replace(table, entity, etag)
        self._fuse.burn(after=True)
        return version

    async def delete(self, table: str, partition: str, row: str, etag: str | None = None) -> None:
        """Delete a row, or die."""
        self._fuse.burn(after=False)
        await super().delete(table, partition, row, etag)
        self._fuse.burn(after=True)

    async def transact(self, table: str, operations: Iterable[Any]) -> str:
        """Write a batch, or die."""
        self._fuse.burn(after=False)
        etag = await super().transact(table, operations)
        self._fuse.burn(after=True)
        return etag


@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
async def test_killed_at_every_write(after: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Whichever write is a worker's last, the watchdog completes the erasure, and the history counts."""
    world, tables, _, held = await filled()
    saved = copy.deepcopy(tables._tables)
    calls = 0
    while True:
        tables._tables.clear()
        tables._tables.update(copy.deepcopy(saved))
        fuse = Fuse(calls, after=after)
        await _erased_by(world, DyingTables(tables, fuse))
        assert _left(tables) == [], f"killed at write {calls}"
        again = await world.run("contoso", held.id)
        assert (again.state, again.locations[BERLIN].held) == (RunState.HELD, 24), f"killed at write {calls}"
        for run in await _runs(world):
            for location, report in run.locations.items():
                journal = await world.ports.recipients.get_journal_counts(CONTOSO, location, run.id)
                assert journal == msgspec.structs.replace(report.counts, skipped=0), f"killed at write {calls}: {run}"
        if not fuse.blown:
            break
        calls += 1
    assert calls > 30, "the fuse has been everywhere"


async def _erased_by(world: World, dying: MemoryTables) -> None:
    """Let a worker erase the person, which may die, and the watchdog do the rest."""
    ports = world.ports
    mortal = dataclasses.replace(
        ports_on(dying),
        clock=ports.clock,
        ids=ports.ids,
        queue=ports.queue,
        providers=ports.providers,
        secrets=ports.secrets,
    )
    with suppress(Crash, Transient):
        await erase(world, App(mortal, SETTINGS))
    if BY not in {erasure.by async for erasure in ports.erasures.list_erasures(CONTOSO)}:
        await world.app.erase_person.start(CONTOSO, Identifier.MAIL, MAIL, BY)
    for _ in range(4):
        world.clock.advance(1_000)
        await world.app.watchdog(RequestCounters())
        await world.drain()
        await world.app.erase_person.complete()
