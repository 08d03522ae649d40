"""A partition of a snapshot is complete, or it is nothing."""

import msgspec
import pytest

from shared.domain.directory import DirectoryUser, Source
from shared.domain.ids import SourceId
from shared.domain.reconcile.absence import AbsenceProof
from shared.domain.snapshots.snapshot import Partition, SnapshotBody, SnapshotManifest, encode_partition
from shared.domain.snapshots.verification import CompleteSnapshot
from shared.errors import SnapshotIncomplete
from tests.support.builders import desired, person, snapshot, user

SOURCE = Source().id


def stored(*partitions: list[DirectoryUser], conclusive: bool = True) -> tuple[SnapshotBody, list[bytes]]:
    """Return a snapshot of partitions with these users, and their rows."""
    encoded = [encode_partition(desired(*users), "a") for users in partitions]
    manifest = SnapshotManifest(source=SOURCE, attempt="a", conclusive=conclusive)
    return SnapshotBody.of(manifest, [partition for partition, _ in encoded]), [content for _, content in encoded]


BODY, ROWS = stored([user(1), user(2)], [user(3)])


def test_a_partition_gives_every_user() -> None:
    """What was stored comes back, in no particular order."""
    assert CompleteSnapshot.verified(BODY, 0, ROWS[0]).users == desired(user(1), user(2))
    assert CompleteSnapshot.verified(BODY, 1, ROWS[1]).users == desired(user(3))
    assert BODY.manifest.users == 3


@pytest.mark.parametrize(
    "content",
    [ROWS[1], stored([user(1)])[1][0], b"", b"x", ROWS[0][:-3], stored([user(1), user(2, mail="x")])[1][0]],
    ids=["another partition", "one user lost", "nothing", "no row", "cut off", "another user"],
)
def test_anything_else_is_refused(content: bytes) -> None:
    """A partial or mixed-up read never becomes a snapshot."""
    with pytest.raises(SnapshotIncomplete):
        CompleteSnapshot.verified(BODY, 0, content)


def test_the_order_of_a_listing_does_not_matter() -> None:
    """The same users have the same bytes, so equal fingerprints are equal content."""
    assert encode_partition(desired(user(2), user(1)), "b")[1] == ROWS[0]
    assert stored([user(2), user(1)], [user(3)])[0].manifest.fingerprint == BODY.manifest.fingerprint


@pytest.mark.parametrize(
    "other",
    [
        stored([user(1)], [user(3)]),
        stored([user(3)], [user(1), user(2)]),
        stored([user(1), user(2), user(3)]),
        stored([user(1), user(2)], [user(3)], []),
        stored([user(1), user(2)], [user(3)], conclusive=False),
    ],
    ids=["a user less", "swapped", "fewer partitions", "more partitions", "inconclusive"],
)
def test_other_content_has_another_fingerprint(other: tuple[SnapshotBody, list[bytes]]) -> None:
    """So a location that has one of them is not taken for one that has the other."""
    assert other[0].manifest.fingerprint != BODY.manifest.fingerprint


@pytest.mark.parametrize(
    "content",
    [
        stored([user(1)], [user(3)])[0].content,
        stored([user(3)], [user(1), user(2)])[0].content,
        SnapshotBody.of(BODY.manifest, BODY.partitions[:1]).content,
        SnapshotBody.of(BODY.manifest, [Partition(each.digest, 9, each.attempt) for each in BODY.partitions]).content,
        BODY.content[:-2],
        b"",
    ],
    ids=["another", "swapped", "cut", "other numbers", "cut off", "nothing"],
)
def test_a_list_of_partitions_is_that_of_its_manifest(content: bytes) -> None:
    """It is refused otherwise, before any partition is read."""
    assert SnapshotBody.verified(BODY.manifest, BODY.content) == BODY
    with pytest.raises(SnapshotIncomplete):
        SnapshotBody.verified(BODY.manifest, content)


def test_rows_sort_by_partition() -> None:
    """Those of any attempt, before the lists of partitions and the segments."""
    numbers = [0, 9, 10, 4_095]
    keys = [Partition(b"", 0, attempt).key(number) for number in numbers for attempt in ("0", "f")]
    assert keys == sorted(keys)
    assert max(keys) < BODY.manifest.body_key < "segment:000000:a"


def test_a_manifest_of_an_earlier_version_is_readable() -> None:
    """It has no partitions, so it is not used."""
    old = {"source": SOURCE, "attempt": "a", "digest": {"pages": 1}, "page_keys": ["a:0"]}
    assert msgspec.convert(old, SnapshotManifest).partitions == 0


def test_neither_snapshot_nor_proof_can_be_made_up() -> None:
    """There is no constructor that goes round the check."""
    with pytest.raises(TypeError):
        CompleteSnapshot()
    with pytest.raises(TypeError):
        AbsenceProof()


def test_a_part_of_a_snapshot_concludes_what_the_whole_does() -> None:
    """An inconclusive one proves no absence, neither whole nor in part."""
    body, rows = stored([user(1), user(2)], conclusive=False)
    whole = CompleteSnapshot.verified(body, 0, rows[0])
    assert not whole.about([person(1)]).conclusive
    assert whole.about([person(1), person(9)]).users == desired(user(1))
    parts = whole.divided(range(16), 16)
    assert not any(part.conclusive for part in parts)
    assert {each for part in parts for each in part.users} == set(whole.users)
    assert AbsenceProof.of([SOURCE], {SOURCE: whole}) is None


def test_proof_needs_every_source_of_the_location() -> None:
    """One unread source of two, and the proof is about accounts only."""
    other = SourceId("main:group-x")
    partial = AbsenceProof.of([SOURCE, other], {SOURCE: snapshot("users")})
    complete = AbsenceProof.of([SOURCE], {SOURCE: snapshot("users")})
    assert partial is not None
    assert complete is not None
    assert (partial.accounts, complete.accounts) == (True, False)
