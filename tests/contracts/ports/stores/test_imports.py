"""What holds of any ImportStore, and of what a large import asks of the recipients."""

import asyncio
import random
from datetime import timedelta

import msgspec
import pytest

from shared.domain.ids import ImportId, LocationId, RunId, new_run_id
from shared.domain.imports.csv_file import RowProblem
from shared.domain.imports.import_record import MAX_NAMED, MAX_PART_BYTES, ImportRef, ImportState, Outcome
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.recipient import ChangeKind
from shared.domain.reconcile.fence import Fence
from shared.domain.versioned import Versioned
from shared.errors import Conflict, NotFound
from tests.contracts.ports.stores.conftest import Stores
from tests.support.samples import LOCATION, NOW, RUN, an_import, journal, recipient


async def marks(stores: Stores) -> list[tuple[ImportId, ImportState]]:
    """Return the imports of the test's tenant."""
    return sorted([(mark.ref.id, mark.state) async for mark in stores.imports.list_imports(stores.acme)])


async def test_an_import_is_changed_only_as_it_was_read(stores: Stores) -> None:
    """With a report as long as reports get; what is deleted cannot be changed back into being."""
    new = an_import(stores.acme)
    await stores.imports.insert(new)
    with pytest.raises(Conflict):
        await stores.imports.insert(new)
    stored = await stores.imports.get(new.ref)
    assert stored.value == new
    problems = tuple(RowProblem(line=line, code="nobody", detail=f"{line:0200d}") for line in range(MAX_NAMED))
    outcome = Outcome(state=ImportState.DONE, problems=problems)
    done = msgspec.structs.replace(new, state=ImportState.DONE, outcome=outcome, at=NOW + timedelta(seconds=1))
    await stores.imports.replace(done, stored.etag)
    assert (await stores.imports.get(new.ref)).value == done
    with pytest.raises(Conflict):
        await stores.imports.replace(new, stored.etag)
    read = await stores.imports.get(new.ref)
    await stores.imports.delete(new.ref)
    await stores.imports.delete(new.ref)
    with pytest.raises(Conflict):
        await stores.imports.replace(new, read.etag)
    with pytest.raises(NotFound):
        await stores.imports.get(new.ref)


async def test_imports_are_listed_by_tenant_and_over_all(stores: Stores) -> None:
    """Each with its place, its state and its time."""
    first, second, other = an_import(stores.acme), an_import(stores.acme, 2), an_import(stores.acme_2)
    for each in (first, second, other):
        await stores.imports.insert(each)
    assert await marks(stores) == sorted([(first.id, ImportState.UPLOADING), (second.id, ImportState.UPLOADING)])
    everywhere = [mark async for mark in stores.imports.list_imports()]
    assert {mark.ref for mark in everywhere} >= {first.ref, second.ref, other.ref}
    assert {mark.at for mark in everywhere if mark.ref == first.ref} == {NOW}


async def test_a_listed_import_has_its_place_in_the_order(stores: Stores) -> None:
    """Mode, number and run, so that an order needs no row but the listed ones."""
    new = an_import(stores.acme)
    await stores.imports.insert(new)
    (mark,) = [mark async for mark in stores.imports.list_imports(stores.acme)]
    assert (mark.mode, mark.number, mark.run) == (ImportMode.MERGE, 0, None)
    numbered = msgspec.structs.replace(new, mode=ImportMode.OVERWRITE, number=7, run=RUN)
    await stores.imports.replace(numbered, (await stores.imports.get(new.ref)).etag)
    (mark,) = [mark async for mark in stores.imports.list_imports(stores.acme)]
    assert (mark.mode, mark.number, mark.run) == (ImportMode.OVERWRITE, 7, RUN)


async def test_parts_come_in_any_order_and_again(stores: Stores) -> None:
    """The last one sent of a number counts, whether it is longer or shorter; a largest part comes back whole."""
    ref = an_import(stores.acme).ref
    largest = random.Random(7).randbytes(MAX_PART_BYTES)
    await stores.imports.put_part(ref, 2, b"old" * 1_000)
    await stores.imports.put_part(ref, 1, b"name\n")
    await stores.imports.put_part(ref, 2, largest)
    assert await stores.imports.get_part(ref, 2) == largest
    await stores.imports.put_part(ref, 2, b"Ann\n")
    await stores.imports.put_part(ref, 3, b"")
    assert await stores.imports.list_part_sizes(ref) == {1: 5, 2: 4, 3: 0}
    assert [await stores.imports.get_part(ref, number) for number in (1, 2, 3)] == [b"name\n", b"Ann\n", b""]
    with pytest.raises(NotFound):
        await stores.imports.get_part(ref, 4)


async def test_a_part_that_is_sent_twice_at_the_same_time_is_whole(stores: Stores) -> None:
    """It is the part of one of the senders."""
    ref = an_import(stores.acme).ref
    sent = [b"Ann" * 100, b"Ben" * 300, b"Cy"]
    for _ in range(3):
        await asyncio.gather(*(stores.imports.put_part(ref, 1, content) for content in sent))
        assert await stores.imports.get_part(ref, 1) in sent


async def test_files_are_erased_one_by_one_by_location_and_by_tenant(stores: Stores) -> None:
    """And each time nothing else is."""
    other = LocationId(f"{LOCATION}-2")
    mine, again, there = an_import(stores.acme), an_import(stores.acme, 2), an_import(stores.acme, location=other)
    everywhere = [mine, again, there, an_import(stores.acme_2)]

    async def left() -> list[ImportRef]:
        return [each.ref for each in everywhere if await stores.imports.list_part_sizes(each.ref)]

    for each in everywhere:
        await stores.imports.insert(each)
        await stores.imports.put_part(each.ref, 1, b"name")
    await stores.imports.delete_parts(mine.ref)
    assert await left() == [each.ref for each in everywhere[1:]]
    assert len(await marks(stores)) == 3
    await stores.imports.delete_location(stores.acme, LOCATION)
    assert await left() == [each.ref for each in everywhere[2:]]
    assert await marks(stores) == [(there.id, ImportState.UPLOADING)]
    await stores.imports.delete_all(stores.acme)
    assert await left() == [everywhere[3].ref]
    assert await marks(stores) == []


async def test_whom_a_run_has_deactivated(stores: Stores) -> None:
    """Over all its batches, and nobody of another run."""
    fence = Versioned(Fence(), None)
    batches: list[tuple[RunId, ChangeKind, int]] = [
        (RUN, ChangeKind.DEACTIVATED, 1),
        (RUN, ChangeKind.UPDATED, 2),
        (RUN, ChangeKind.DEACTIVATED, 3),
        (new_run_id(5, 5), ChangeKind.DEACTIVATED, 4),
    ]
    for operation, (run, kind, number) in enumerate(batches):
        taken = Fence(fencing_token=1, attempt="a", operation=operation)
        someone = recipient(number)
        entry = journal(someone, run=run, kind=kind)
        etag = await stores.recipients.write(stores.acme, LOCATION, [someone], entry, Versioned(taken, fence.etag))
        fence = Versioned(taken, etag)
    found = {each async for each in stores.recipients.list_deactivated(stores.acme, LOCATION, RUN)}
    assert found == {recipient(1).id, recipient(3).id}
