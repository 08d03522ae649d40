"""Cutting people into parts."""

import pytest

from shared.domain.directory import DirectoryUser, Source
from shared.domain.ids import MAIN, ObjectId, recipient_id_of
from shared.domain.snapshots import partitions
from shared.domain.snapshots.page import encode_page
from shared.domain.snapshots.partitions import Cuts, CutSnapshot, Cutter
from shared.domain.snapshots.snapshot import SnapshotDigest, SnapshotManifest
from shared.errors import Conflict
from tests.support.builders import user

SOURCE = Source().id


def people(count: int) -> list[DirectoryUser]:
    """Return people in the order of their object ids."""
    return [DirectoryUser(user(number).id, f"user{number}@example.com") for number in range(count)]


def cut(count: int, size: int, unpacked: int, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the ids in each part, from pages of ten."""
    monkeypatch.setattr(partitions, "_UNPACKED", unpacked)
    everybody = people(count)
    pages, digest = [], SnapshotDigest()
    for start in range(0, count, 10):
        page = encode_page(everybody[start : start + 10])
        pages.append(page)
        digest = digest.add(page, everybody[start : start + 10])
    cuts = Cuts(count, size)
    cutter = Cutter(SnapshotManifest(source=SOURCE, attempt="a", digest=digest), cuts)
    for page in pages:
        cutter.add(page)
    found = cutter.verified()
    return [list(found.part(number).users) for number in range(cuts.count)]


@pytest.mark.parametrize("unpacked", [0, 1_000])
def test_every_person_is_in_one_part(unpacked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts follow each other in the order of recipient ids; packed or not, about as large as they should be."""
    found = cut(500, 50, unpacked, monkeypatch)
    assert sorted(name for part in found for name in part) == [person.id for person in people(500)]
    ids = [sorted(recipient_id_of(MAIN, ObjectId(name)) for name in part) for part in found]
    assert [name for part in ids for name in part] == sorted(name for part in ids for name in part)
    assert len(found) == 10
    assert all(25 < len(part) < 80 for part in found)
    assert all(part == sorted(part) for part in found)


def test_any_text_is_in_a_part() -> None:
    """Also ids that are none of the directory's; few people are one part, and there is an end to cutting."""
    cuts = Cuts(10_000)
    assert [cuts.part_of(name) for name in ("", "000", "zzz")] == [0, 0, cuts.count - 1]
    assert 0 <= cuts.part_of("csv-1") < cuts.count
    assert Cuts(0).count == Cuts(1).count == 1
    assert Cuts(10**9).count == 4096


def test_a_snapshot_with_a_page_less_is_none() -> None:
    """Nor with one more, or another."""
    everybody = people(4)
    pages = [encode_page(everybody[:2]), encode_page(everybody[2:])]
    digest = SnapshotDigest().add(pages[0], everybody[:2]).add(pages[1], everybody[2:])
    ref = SnapshotManifest(source=SOURCE, attempt="a", digest=digest)
    for wrong in ([pages[0]], [*pages, pages[0]], pages[::-1]):
        cutter = Cutter(ref, Cuts(4))
        for page in wrong:
            cutter.add(page)
        with pytest.raises(Conflict, match="where its manifest has"):
            cutter.verified()


def test_a_cut_snapshot_cannot_be_made_up() -> None:
    """Only of what was verified."""
    with pytest.raises(TypeError):
        CutSnapshot(SnapshotManifest(source=SOURCE, attempt="a", digest=SnapshotDigest()), [], object())
