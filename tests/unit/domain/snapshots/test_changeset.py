"""Changes are taken only as a whole, and say who was who before and after."""

import pytest

from shared.domain.directory import DirectoryUser, Source
from shared.domain.snapshots.changeset import MAX_CHANGED, Changed, Changes, VerifiedChanges, is_few
from shared.domain.snapshots.page import encode_page
from shared.domain.snapshots.snapshot import SnapshotDigest, SnapshotManifest
from shared.errors import Conflict
from tests.support.builders import recipient_id_for, user

USERS = Source().id
BEFORE = [user(1), user(2)]
AFTER = [user(1, display_name="New Name"), user(3)]


def stored(*pages: list[DirectoryUser], before: int) -> tuple[Changes, list[bytes]]:
    """Return changes on pages, and these."""
    digest, encoded = SnapshotDigest(), [encode_page(page) for page in pages]
    for page, users in zip(encoded, pages, strict=True):
        digest = digest.add(page, users)
    ref = SnapshotManifest(source=USERS, attempt="a-changes", digest=digest)
    return Changes(since=SnapshotDigest(), pages=ref, before=before), encoded


def taken(changes: Changes, pages: list[bytes]) -> VerifiedChanges:
    """Return what is on the pages."""
    changed = Changed(changes)
    for page in pages:
        changed.add(page)
    return changed.verified()


@pytest.mark.parametrize("cut", range(5))
def test_pages_may_be_cut_anywhere(cut: int) -> None:
    """One changed, one left, one came."""
    people = [*BEFORE, *AFTER]
    found = taken(*stored(people[:cut], people[cut:], before=len(BEFORE)))
    assert found.before == {each.id: each for each in BEFORE}
    assert found.after.users == {each.id: each for each in AFTER}
    assert found.recipients == {user(number).id: recipient_id_for(number) for number in (1, 2, 3)}


def test_a_lost_page_or_another_one_is_refused() -> None:
    """Who is missing on a page that did not arrive must not pass for somebody who left."""
    changes, pages = stored(BEFORE, AFTER, before=len(BEFORE))
    for wrong in (pages[:1], pages[1:], pages[::-1], [*pages, pages[0]]):
        with pytest.raises(Conflict):
            taken(changes, wrong)
    with pytest.raises(TypeError):
        VerifiedChanges(changes, BEFORE, AFTER, {}, object())


def test_few_is_a_part_of_the_people_and_no_more_than_fit() -> None:
    """A fifth of them, as they were and as they are taken together."""
    assert is_few(20, 100)
    assert not is_few(21, 100)
    assert is_few(MAX_CHANGED, 10_000_000)
    assert not is_few(MAX_CHANGED + 1, 10_000_000)
