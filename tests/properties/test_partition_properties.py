"""Deciding a location part by part is deciding it at once, wherever ids are cut."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.directory import DirectoryUser, Source
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Recipient
from shared.domain.reconcile.absence import AbsenceProof, union_of_sources
from shared.domain.reconcile.decide import Decision, decide
from shared.domain.reconcile.matching import Matching
from shared.domain.snapshots.page import encode_page
from shared.domain.snapshots.partitions import Cuts, Cutter
from shared.domain.snapshots.snapshot import SnapshotDigest, SnapshotManifest
from tests.properties.test_decide_properties import DIRECTORIES, PREFERENCES, STORED
from tests.support.builders import desired, snapshot

SOURCE = Source().id


def by_part(
    directory: list[DirectoryUser], stored: list[Recipient], preferences: Preferences, size: int
) -> list[Decision]:
    """Return the decisions about parts of some `size` people each."""
    page = encode_page(directory)
    ref = SnapshotManifest(source=SOURCE, attempt="a", digest=SnapshotDigest().add(page, directory))
    cuts = Cuts(len(directory), size)
    cutter = Cutter(ref, cuts)
    cutter.add(page)
    cut = cutter.verified()
    matching = Matching.of(stored)
    for number in range(cuts.count):
        matching.claim(cut.part(number).users.values(), preferences)
    found = []
    for number in range(cuts.count):
        read = {SOURCE: cut.part(number)}
        rows = [each for each in stored if cuts.part_of(each.id) == number]
        proof = AbsenceProof.of([SOURCE], read)
        found.append(decide(union_of_sources([SOURCE], read), rows, preferences, proof, matching=matching))
    return found


@settings(max_examples=300)
@given(
    DIRECTORIES,
    STORED,
    PREFERENCES,
    st.integers(1, 3),
)
def test_parts_decide_what_the_whole_does(
    directory: list[DirectoryUser], stored: list[Recipient], preferences: Preferences, size: int
) -> None:
    """The same writes in the same order, skips, candidates and numbers."""
    proof = AbsenceProof.of([SOURCE], {SOURCE: snapshot(SOURCE, *directory)})
    whole = decide(desired(*directory), stored, preferences, proof)
    parts = by_part(directory, stored, preferences, size)
    assert [write for part in parts for write in part.writes] == list(whole.writes)
    assert [change for part in parts for change in part.skipped] == list(whole.skipped)
    assert [candidate for part in parts for candidate in part.candidates] == list(whole.candidates)
    assert sum(part.baseline for part in parts) == whole.baseline
    assert sum(part.active for part in parts) == whole.active
