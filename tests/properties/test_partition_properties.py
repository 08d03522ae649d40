"""Deciding a location part by part is deciding it at once, wherever ids are cut."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.directory import DirectoryUser, Source
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Recipient
from shared.domain.reconcile.absence import AbsenceProof, union_of_sources
from shared.domain.reconcile.decide import Decision, decide
from shared.domain.reconcile.matching import Matching
from shared.domain.snapshots.partitions import partition_of
from tests.properties.test_decide_properties import DIRECTORIES, PREFERENCES, STORED
from tests.support.builders import desired, snapshot

SOURCE = Source().id


def by_part(
    directory: list[DirectoryUser], stored: list[Recipient], preferences: Preferences, count: int
) -> list[Decision]:
    """Return the decisions about each of `count` partitions."""
    parts = snapshot(SOURCE, *directory).divided(range(count), count)
    matching = Matching(stored)
    for part in parts:
        matching.claim(part.users.values(), preferences)
    found = []
    for number, part in enumerate(parts):
        read = {SOURCE: part}
        rows = [recipient for recipient in stored if partition_of(recipient.id, count) == number]
        proof = AbsenceProof.of([SOURCE], read)
        found.append(decide(union_of_sources([SOURCE], read), rows, preferences, proof, matching=matching))
    return found


def relinks_of(*decisions: Decision) -> list[bytes]:
    """Return the relinks of decisions, whose order is of no importance: each has its own recipient and answer."""
    return [msgspec.msgpack.encode(relink) for decision in decisions for relink in decision.relinks]


@settings(max_examples=300)
@given(
    DIRECTORIES,
    STORED,
    PREFERENCES,
    st.sampled_from([1, 2, 16, 256]),
)
def test_parts_decide_what_the_whole_does(
    directory: list[DirectoryUser], stored: list[Recipient], preferences: Preferences, count: int
) -> None:
    """The same writes in the same order, skips, candidates and numbers."""
    proof = AbsenceProof.of([SOURCE], {SOURCE: snapshot(SOURCE, *directory)})
    whole = decide(desired(*directory), stored, preferences, proof)
    parts = by_part(directory, stored, preferences, count)
    assert [write for part in parts for write in part.writes] == list(whole.writes)
    assert [change for part in parts for change in part.skipped] == list(whole.skipped)
    assert [candidate for part in parts for candidate in part.candidates] == list(whole.candidates)
    assert sorted(relinks_of(*parts)) == sorted(relinks_of(whole))
    assert sum(part.baseline for part in parts) == whole.baseline
    assert sum(part.active for part in parts) == whole.active
