"""What holds of any RecipientStore."""

from datetime import UTC, datetime

import msgspec
import pytest

from shared.domain.ids import LocationId, RecipientId, RunId, new_run_id
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Change, ChangeKind, Counts, Origin, Profile, Reason, Recipient, Status
from shared.domain.reconcile.decide import decide
from shared.domain.reconcile.fence import Fence, JournalEntry
from shared.domain.reconcile.write import Write
from shared.domain.reconcile.write_batches import MAX_BATCH_RECIPIENTS
from shared.domain.versioned import Versioned
from shared.errors import Conflict, NotFound, Superseded, TooLarge
from shared.workflows.recipients.fenced_writer import FencedWriter
from tests.contracts.ports.stores.conftest import Stores
from tests.support.builders import csv_recipient, desired, directory_recipient, person, user
from tests.support.ids import HOSTILE

DESK = LocationId("desk")
RUN = RunId("8204576261968-0000000a")
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def creations(count: int, **fields: object) -> tuple[Write, ...]:
    """Return the writes that create this many people."""
    return decide(desired(*(user(number, **fields) for number in range(count))), [], Preferences(), None).writes


def journal(writes: tuple[Write, ...]) -> JournalEntry:
    """Return the journal of these writes."""
    return JournalEntry(run=RUN, actor="sync", at=NOW, changes=tuple(write.change for write in writes))


async def put(stores: Stores, writes: tuple[Write, ...], fence: Versioned[Fence]) -> str:
    """Write one batch."""
    people = [write.recipient for write in writes]
    return await stores.recipients.write(stores.acme, DESK, people, journal(writes), fence)


async def read(stores: Stores, start: str = "") -> list[Recipient]:
    """Return what is stored."""
    return [recipient async for recipient in stores.recipients.list_recipients(stores.acme, DESK, start=start)]


async def test_what_is_written_is_read_back(stores: Stores) -> None:
    """Every field, origin and status survives; a recipient never matched keeps no applied values."""
    (created,) = creations(1, department="IT", mobile_phone="+49 30 1234")
    edited = msgspec.structs.replace(
        created.recipient,
        profile=msgspec.structs.replace(created.recipient.profile, department="Post room"),
        status=Status.DEACTIVATED_BY_SYNC,
        reason="left_group",
    )
    people = [edited, csv_recipient("anna", mail="a@example.com"), csv_recipient("bob", mail=None)]
    entry = JournalEntry(run=RUN, actor="anna", at=NOW, changes=())
    await stores.recipients.write(stores.acme, DESK, people, entry, Versioned(Fence(attempt="a"), None))
    assert sorted(await read(stores), key=lambda each: each.id) == sorted(people, key=lambda each: each.id)
    assert await stores.recipients.get(stores.acme, DESK, edited.id) == edited
    with pytest.raises(NotFound):
        await stores.recipients.get(stores.acme, LocationId("other"), edited.id)


async def test_a_full_batch_fits_and_pages_begin_where_asked(stores: Stores) -> None:
    """98 people with journal and fence are one batch; reading starts at any id."""
    writes = creations(MAX_BATCH_RECIPIENTS)
    await put(stores, writes, Versioned(Fence(attempt="a", operation=1), None))
    found = await read(stores)
    assert found == [write.recipient for write in writes]
    assert await read(stores, start=found[90].id) == found[90:]


async def test_recipients_can_be_listed_by_name(stores: Stores) -> None:
    """The others are skipped, and an id without a recipient too."""
    writes = creations(20)
    await put(stores, writes, Versioned(Fence(attempt="a", operation=1), None))
    wanted = [writes[3].recipient, writes[17].recipient]
    names = {each.id for each in wanted} | {RecipientId("unknown")}
    found = stores.recipients.list_recipients(stores.acme, DESK, among=names)
    assert [recipient async for recipient in found] == wanted


@pytest.mark.parametrize("first", [1, 3, 20, 5_000])
async def test_a_short_first_page_leaves_nothing_out(stores: Stores, first: int) -> None:
    """The others follow on later pages."""
    writes = creations(20)
    await put(stores, writes, Versioned(Fence(attempt="a", operation=1), None))
    found = stores.recipients.list_recipients(stores.acme, DESK, first=first)
    assert [recipient async for recipient in found] == [write.recipient for write in writes]


async def test_a_lost_fence_writes_nothing(stores: Stores) -> None:
    """The batch is all or nothing: neither people nor journal appear when the fence has moved on."""
    first, second = creations(2)
    etag = await put(stores, (first,), Versioned(Fence(fencing_token=1, attempt="a", operation=1), None))
    await stores.recipients.replace_fence(stores.acme, DESK, Fence(fencing_token=2, attempt="b"), etag)
    for stale in (etag, None):
        with pytest.raises(Conflict):
            await put(stores, (second,), Versioned(Fence(fencing_token=1, attempt="a", operation=2), stale))
    assert await read(stores) == [first.recipient]
    assert await stores.recipients.get_journal_counts(stores.acme, DESK, RUN) == Counts(created=1)
    assert (await stores.recipients.get_fence(stores.acme, DESK)).value.attempt == "b"


async def test_recipients_are_erased_under_the_fence(stores: Stores) -> None:
    """All or nothing, with the journal; a lost fence, or a recipient that is not there, erases none."""
    writes = creations(3)
    etag = await put(stores, writes, Versioned(Fence(fencing_token=1, attempt="a", operation=1), None))
    names = [write.recipient.id for write in writes]
    mark = Change(kind=ChangeKind.DEACTIVATED, reason=Reason.EDITED)
    entry = JournalEntry(run=RUN, actor="anna", at=NOW, changes=(mark, mark))
    fence = Fence(fencing_token=1, attempt="a", operation=2)
    with pytest.raises(Conflict):
        await stores.recipients.erase(stores.acme, DESK, names[:2], entry, Versioned(fence, None))
    with pytest.raises(Conflict):
        await stores.recipients.erase(stores.acme, DESK, [names[0], RecipientId("x")], entry, Versioned(fence, etag))
    assert len(await read(stores)) == 3
    await stores.recipients.erase(stores.acme, DESK, names[:2], entry, Versioned(fence, etag))
    assert [recipient.id for recipient in await read(stores)] == names[2:]
    assert await stores.recipients.get_journal_counts(stores.acme, DESK, RUN) == Counts(created=3, deactivated=2)
    assert (await stores.recipients.get_fence(stores.acme, DESK)).value.operation == 2


async def test_the_new_etag_is_good_for_the_next_batch(stores: Stores) -> None:
    """Batches chain by the ETag that each returns."""
    first, second = creations(2)
    etag = await put(stores, (first,), Versioned(Fence(fencing_token=1, attempt="a", operation=1), None))
    await put(stores, (second,), Versioned(Fence(fencing_token=1, attempt="a", operation=2), etag))
    assert len(await read(stores)) == 2


async def test_nobody_is_created_twice(stores: Stores) -> None:
    """What a journal calls created must not be there yet."""
    writes = creations(1)
    etag = await put(stores, writes, Versioned(Fence(attempt="a", operation=1), None))
    with pytest.raises(Conflict):
        await put(stores, writes, Versioned(Fence(attempt="a", operation=2), etag))


async def test_the_journal_adds_up_over_attempts(stores: Stores) -> None:
    """What a killed attempt wrote is counted, and other runs are not."""
    first, second = creations(2)
    etag = await put(stores, (first,), Versioned(Fence(fencing_token=1, attempt="b", operation=1), None))
    await put(stores, (second,), Versioned(Fence(fencing_token=1, attempt="a", operation=1), etag))
    assert await stores.recipients.get_journal_counts(stores.acme, DESK, RUN) == Counts(created=2)
    assert await stores.recipients.get_journal_counts(stores.acme, DESK, RunId("8204576261968-0000000b")) == Counts()
    entries = [entry async for entry in stores.recipients.list_journal(stores.acme, DESK, RUN)]
    assert {change for entry in entries for change in entry.changes} == {first.change, second.change}


async def test_hostile_and_long_values_survive(stores: Stores) -> None:
    """Emoji, quotes, right-to-left marks, markup and 1,024 characters of four bytes."""
    names = ["\U0001f600" * 1024, 'O\'Brien "Bob" <b>&amp;', "\u202eevil", "' or 1 eq 1 or '", "ŻÓŁĆ\u00a0ß"]
    people = [
        msgspec.structs.replace(csv_recipient(f"p{number}"), profile=Profile(display_name=name))
        for number, name in enumerate(names)
    ]
    entry = JournalEntry(run=RUN, actor="sync", at=NOW, changes=())
    await stores.recipients.write(stores.acme, DESK, people, entry, Versioned(Fence(), None))
    assert [recipient.profile.display_name for recipient in await read(stores)] == names


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # aiohttp's advice above 1 MiB
async def test_more_bytes_than_a_batch_takes_are_refused_whole_and_written_in_halves(stores: Stores) -> None:
    """Whoever has the longest names there can be is stored like anybody else, once, with all of the journal."""
    names = ("display_name", "given_name", "surname", "department", "job_title", "office_location", "employee_id")
    huge = dict.fromkeys((*names, "employee_type", "company_name", "mobile_phone"), "\U0001f600" * 1024)
    writes = creations(MAX_BATCH_RECIPIENTS + 2, **huge, business_phone="\U0001f600" * 1024)
    with pytest.raises(TooLarge):
        await put(stores, writes[:MAX_BATCH_RECIPIENTS], Versioned(Fence(attempt="a", operation=1), None))
    assert await read(stores) == []
    fenced = await FencedWriter.acquire(stores.recipients, stores.acme, DESK, fencing_token=1, attempt="a")
    assert await fenced.write(writes, run=RUN, actor="sync", at=NOW)
    assert await read(stores) == [write.recipient for write in writes]
    assert await stores.recipients.get_journal_counts(stores.acme, DESK, RUN) == Counts(created=len(writes))


async def test_erasing_a_location_leaves_its_neighbours(stores: Stores) -> None:
    """Nothing of it remains but the fence, and everything of a tenant with a similar id does."""
    writes = creations(3)
    await put(stores, writes, Versioned(Fence(), None))
    people = [write.recipient for write in writes]
    await stores.recipients.write(stores.acme_2, DESK, people, journal(writes), Versioned(Fence(), None))
    before = await stores.recipients.get_fence(stores.acme, DESK)
    assert (await stores.recipients.delete_location(stores.acme, DESK)).rows == 4
    assert await read(stores) == []
    assert [entry async for entry in stores.recipients.list_journal(stores.acme, DESK, RUN)] == []
    assert await stores.recipients.get_fence(stores.acme, DESK) == before
    assert len([recipient async for recipient in stores.recipients.list_recipients(stores.acme_2, DESK)]) == 3


async def test_a_later_taker_of_the_fence_ends_an_earlier_one(stores: Stores) -> None:
    """Two deliveries of one job: the second goes on, the first stops, and nobody is written twice."""
    writes = creations(150)
    first = await FencedWriter.acquire(stores.recipients, stores.acme, DESK, fencing_token=1, attempt="a")
    second = await FencedWriter.acquire(stores.recipients, stores.acme, DESK, fencing_token=1, attempt="b")
    with pytest.raises(Superseded):
        await first.write(writes, run=RUN, actor="sync", at=NOW)
    assert await second.write(writes, run=RUN, actor="sync", at=NOW)
    assert len(await read(stores)) == 150
    with pytest.raises(Superseded):
        await FencedWriter.acquire(stores.recipients, stores.acme, DESK, fencing_token=0, attempt="c")


@pytest.mark.parametrize(
    ("places", "ordered"),
    [
        ([(1, 1), (1, 2), (1, 3)], True),
        ([(1, 3), (2, 1), (2, 2)], True),
        # as an earlier version of the app wrote them: only the ids of their runs tell
        ([(1, 0), (1, 0), (1, 0)], False),
    ],
    ids=["one token", "several tokens", "without a sequence"],
)
async def test_whom_others_have_changed_afterwards(
    stores: Stores,
    places: list[tuple[int, int]],
    ordered: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """In the order of writing, although the clocks of the three runs' workers go backwards."""
    late, middle, early = (new_run_id(milliseconds, 0) for milliseconds in (3_000, 2_000, 1_000))
    desk = LocationId("desk")
    fence = await stores.recipients.get_fence(stores.acme, desk)
    written = [(late, ("r1", "r2")), (middle, ("r2", "r3")), (early, ("r3", "r1"))]
    for number, ((run, names), (token, sequence)) in enumerate(zip(written, places, strict=True)):
        people = [
            Recipient(id=RecipientId(name), origin=Origin.CSV, status=Status.ACTIVE, profile=Profile(display_name="X"))
            for name in names
        ]
        changes = tuple(
            Change(kind=ChangeKind.UPDATED, reason=Reason.EDITED, recipient=person.id, before=person)
            for person in people
        )
        journal = JournalEntry(run=run, actor="sync", at=NOW, changes=changes)
        taken = Fence(fencing_token=token, attempt="a", operation=number, sequence=sequence)
        etag = await stores.recipients.write(stores.acme, desk, people, journal, Versioned(taken, fence.etag))
        fence = Versioned(taken, etag)
    found = [await stores.recipients.list_changed_after(stores.acme, desk, run) for run, _ in written]
    assert found == ([{"r1", "r2"}, {"r3"}, set()] if ordered else [set(), {"r2"}, {"r3", "r1"}])
    assert await stores.recipients.list_changed_after(stores.acme_2, desk, early) == set()


async def test_manual_changes_are_listed_from_a_position(stores: Stores) -> None:
    """By fencing token and sequence; those of syncs and of the given runs are not listed."""
    runs = [RunId(f"run-{number}") for number in range(6)]
    actors = ["anna", "anna", "anna", "sync", "ben", "anna"]
    positions = [(1, 1), (1, 2), (1, 3), (2, 4), (3, 5), (3, 6)]
    fence = Versioned(Fence(), None)
    for run, actor, (token, sequence) in zip(runs, actors, positions, strict=True):
        before = csv_recipient("r", department=run)
        change = Change(kind=ChangeKind.UPDATED, reason=Reason.EDITED, recipient=before.id, before=before)
        entry = JournalEntry(run=run, actor=actor, at=NOW, changes=(change,))
        taken = Fence(fencing_token=token, operation=sequence, sequence=sequence)
        etag = await stores.recipients.write(stores.acme, DESK, [before], entry, Versioned(taken, fence.etag))
        fence = Versioned(taken, etag)

    async def later(since: tuple[int, int], *except_runs: RunId) -> set[str | None]:
        changes = stores.recipients.list_manual_changes(stores.acme, DESK, since, except_runs)
        return {change.before.profile.department async for change in changes if change.before is not None}

    assert await later((0, 0)) == {"run-0", "run-1", "run-2", "run-4", "run-5"}
    assert await later((1, 1)) == {"run-1", "run-2", "run-4", "run-5"}
    assert await later((1, 2), runs[2], runs[5]) == {"run-4"}
    assert await later((3, 6)) == set()


async def test_others_are_those_that_no_directory_created(stores: Stores) -> None:
    """In the order of their ids; none of another location."""
    theirs = [csv_recipient(name, mail=f"{name}@example.com") for name in ("a", "zz", "5")]
    entry = JournalEntry(run=RUN, actor="sync", at=NOW, changes=())
    people = [directory_recipient(person(number), Profile(display_name="X")) for number in range(5)]
    await stores.recipients.write(stores.acme, DESK, [*people, *theirs], entry, Versioned(Fence(), None))
    found = [recipient async for recipient in stores.recipients.list_others(stores.acme, DESK)]
    assert found == sorted(theirs, key=lambda recipient: recipient.id)
    assert [recipient async for recipient in stores.recipients.list_others(stores.acme, LocationId("roof"))] == []


async def test_any_text_is_the_id_of_a_person_or_a_group(stores: Stores) -> None:
    """What differs in case only, or contains what keys forbid, is a recipient of its own, kept to the letter."""
    profile = Profile(display_name="X")
    people = [
        msgspec.structs.replace(
            directory_recipient(who, profile, tuple(sorted(HOSTILE[:number]))),
            last_applied=Profile(mail="x@example.com"),
        )
        for number, who in enumerate(HOSTILE)
    ]
    entry = JournalEntry(run=RUN, actor="sync", at=NOW, changes=())
    await stores.recipients.write(stores.acme, DESK, people, entry, Versioned(Fence(), None))
    assert await read(stores) == sorted(people, key=lambda each: each.id)
    for found in people:
        assert await stores.recipients.get(stores.acme, DESK, found.id) == found
