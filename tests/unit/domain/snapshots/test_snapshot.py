"""A snapshot is complete, or it is nothing."""

import random

import pytest

from shared.domain.directory import DirectoryUser, Source
from shared.domain.ids import SourceId
from shared.domain.reconcile.absence import AbsenceProof
from shared.domain.snapshots.page import (
    MAX_PAGE_BYTES,
    Page,
    PageIndexEntry,
    decode_page,
    encode_page,
    encode_pages,
    hashes_of,
)
from shared.domain.snapshots.snapshot import SnapshotDigest, SnapshotManifest, page_key
from shared.domain.snapshots.verification import CompleteSnapshot, require_page_index
from shared.errors import Conflict
from tests.support.builders import person, snapshot, user
from tests.support.ids import TWINS

SOURCE = Source().id
LONG = ("display_name", "given_name", "surname", "department", "job_title", "office_location")
FIRST, SECOND = [user(1), user(2)], [user(3)]
PAGES = [encode_page(FIRST), encode_page(SECOND)]


def ref() -> SnapshotManifest:
    """Return the reference of the two pages."""
    digest = SnapshotDigest().add(PAGES[0], FIRST).add(PAGES[1], SECOND)
    return SnapshotManifest(source=SOURCE, attempt="a", digest=digest)


def test_all_pages_in_order_give_every_user() -> None:
    """What was staged comes back."""
    assert set(CompleteSnapshot.verified(ref(), PAGES).users) == {person(1), person(2), person(3)}


@pytest.mark.parametrize(
    "pages",
    [PAGES[:1], PAGES[1:], [], PAGES[::-1], [*PAGES, PAGES[0]], [PAGES[0], encode_page([user(4)])]],
    ids=["last page lost", "first page lost", "nothing", "swapped", "one too many", "another page"],
)
def test_anything_else_is_refused(pages: list[bytes]) -> None:
    """A partial or mixed-up read never becomes a snapshot."""
    with pytest.raises(Conflict, match="where its manifest has"):
        CompleteSnapshot.verified(ref(), pages)


def test_neither_snapshot_nor_proof_can_be_made_up() -> None:
    """There is no constructor that goes round the check."""
    with pytest.raises(TypeError):
        CompleteSnapshot()
    with pytest.raises(TypeError):
        AbsenceProof()


def test_proof_needs_every_source_of_the_location() -> None:
    """One unread source of two, and nobody can be called absent."""
    other = SourceId("main:group-x")
    assert AbsenceProof.of([SOURCE, other], {SOURCE: snapshot("users")}) is None
    assert AbsenceProof.of([SOURCE], {SOURCE: snapshot("users")}) is not None


def test_users_with_huge_profiles_take_several_pages() -> None:
    """Incompressible text in every field still fits the rows of Table Storage, and nobody is lost."""
    noise = random.Random(1)
    people = [
        user(number, **{name: "".join(chr(noise.randrange(0x4E00, 0x9FFF)) for _ in range(1024)) for name in LONG})
        for number in range(200)
    ]
    pages = list(encode_pages(people))
    assert len(pages) > 1
    assert all(len(page) <= MAX_PAGE_BYTES for page, _ in pages)
    assert [user for page, _ in pages for user in decode_page(page)] == people
    assert len(list(encode_pages(FIRST))) == 1


def test_the_content_does_not_depend_on_the_order() -> None:
    """The same users on other pages are the same content; other users are not."""
    swapped = SnapshotDigest().add(PAGES[1], SECOND).add(PAGES[0], FIRST)
    assert swapped.content_hash == ref().digest.content_hash
    assert SnapshotDigest().add(PAGES[0], FIRST).content_hash != ref().digest.content_hash


def marks() -> list[PageIndexEntry]:
    """Return the marks of the two pages."""
    pages = [Page.of(page, users) for page, users in zip(PAGES, (FIRST, SECOND), strict=True)]
    return [PageIndexEntry(page_key("a", number), page.digest, page.id_hashes) for number, page in enumerate(pages)]


def test_a_mark_tells_whom_its_page_may_show() -> None:
    """Every person on it, and a person whose id has the hash of one of theirs."""
    first, second = marks()
    assert first.may_contain(hashes_of([person(2), person(9)]))
    assert not second.may_contain(hashes_of([person(2), person(9)]))
    twin = Page.of(b"", [DirectoryUser(TWINS[0], "twin@example.com")])
    assert PageIndexEntry("a:000002", twin.digest, twin.id_hashes).may_contain(hashes_of([TWINS[1]]))
    assert not any(mark.may_contain(hashes_of([])) for mark in (first, second, PageIndexEntry("a:000002", b"", b"")))


def test_a_page_that_is_not_the_marked_one_is_refused() -> None:
    """Another one, or none."""
    first, second = marks()
    assert first.users(PAGES[0]) == FIRST
    misread = PageIndexEntry(first.page_key, first.digest, second.id_hashes)
    for mark, page in ((first, PAGES[1]), (first, b""), (misread, PAGES[0])):
        with pytest.raises(Conflict, match="a:000000"):
            mark.users(page)


def test_marks_are_those_of_all_pages_in_order() -> None:
    """What is missing, doubled, swapped or of another page is noticed without reading any."""
    first, second = marks()
    require_page_index(ref(), [first, second])
    other = PageIndexEntry(second.page_key, first.digest, second.id_hashes)
    unmarked = PageIndexEntry(second.page_key, second.digest, b"")
    for wrong in ([first], [second], [], [second, first], [first, second, second], [first, other], [first, unmarked]):
        with pytest.raises(Conflict, match="where its manifest has"):
            require_page_index(ref(), wrong)


def test_what_changed_moves_the_tally_on() -> None:
    """It is the one that pages with the same users would have had from the beginning."""
    before, after = [user(1), user(3)], [user(1, department="New"), user(4)]
    pages = [[user(1, department="New"), user(2)], [user(4)]]
    expected = SnapshotDigest()
    for users in pages:
        expected = expected.add(encode_page(users), users)
    digests = [Page.of(encode_page(users), users).digest for users in pages]
    assert ref().digest.moved_on(before, after).on_pages(digests) == expected
    assert expected.moved_on(after, before).on_pages(mark.digest for mark in marks()) == ref().digest
    assert ref().digest.moved_on([*FIRST, *SECOND], []).on_pages([]) == SnapshotDigest()
