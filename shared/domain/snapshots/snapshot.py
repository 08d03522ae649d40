"""Snapshots: the last complete content of a source, as compact pages, and the proof that they are all there.

A page is up to 999 users as msgpack arrays, compressed with zlib. Pages are chained by SHA-256, so that a lost, added
or swapped page is noticed; `content` is a sum of hashes, so that the same users in any order have the same content.

Pages never change. A snapshot shares those on which nobody has changed with the one before, and says then where each of
its pages is; what lies beside a page tells whom it may show, so that only those need to be read that somebody is on.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
from isal import isal_zlib

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId, SourceId
from shared.errors import Conflict

if TYPE_CHECKING:
    from shared.domain.snapshots.changeset import VerifiedChanges
    from shared.domain.snapshots.partitions import CutSnapshot

#: The code of the conflict with which a snapshot is refused that is not whole.
INCOMPLETE: Final = "snapshot_incomplete"
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(list[DirectoryUser])
_CONTENT_MODULUS: Final = 2**128
#: Largest page, in bytes: a row of Table Storage holds 704 KiB of packed values.
MAX_PAGE_BYTES: Final = 700_000
#: ISA-L at this level packs a page in a fifth of the time of zlib at its fastest, and smaller; the format is zlib's.
_LEVEL: Final = 1
#: How many digits of an id tell whom a page may show: of a million people one in four thousand looks like another one.
#: The last ones, because the first ones of ids that were made up are often the same.
_TOLD_DIGITS: Final = 8
_TOLD_BYTES: Final = _TOLD_DIGITS // 2
_TOLD_FORMAT: Final = "I"  # as an integer of as many bytes


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What has been staged so far: enough to go on after a crash or in another worker."""

    pages: int = 0
    users: int = 0
    #: Chain over the pages in order: sha256(previous chain + sha256(page)), hexadecimal.
    chain: str = ""
    #: Sum over the users of a 128-bit hash of each, in hexadecimal; does not depend on their order.
    content: str = "0"

    def add(self, page: bytes, users: Sequence[DirectoryUser]) -> "Tally":
        """Return the tally after one more page, given both as encoded and as users."""
        return self.add_page(_digest(page), users)

    def add_page(self, digest: bytes, users: Sequence[DirectoryUser]) -> "Tally":
        """Return the tally after one more page, given by its digest and as users."""
        return msgspec.structs.replace(self.moved_on((), users), pages=self.pages + 1, chain=_chain(self.chain, digest))

    def moved_on(self, gone: Sequence[DirectoryUser], come: Sequence[DirectoryUser]) -> "Tally":
        """Return the tally without some users and with others; its pages are another matter, see `on_pages`."""
        content = (int(self.content, 16) - _sum_of(gone) + _sum_of(come)) % _CONTENT_MODULUS
        users = self.users - len(gone) + len(come)
        return msgspec.structs.replace(self, users=users, content=f"{content:x}")

    def on_pages(self, digests: Iterable[bytes]) -> "Tally":
        """Return the tally of the same users on pages that have these digests."""
        chain, pages = "", 0
        for digest in digests:
            chain, pages = _chain(chain, digest), pages + 1
        return msgspec.structs.replace(self, pages=pages, chain=chain)

    @property
    def outdated(self) -> bool:
        """Whether it is of an earlier version, which chained pages in another way: nothing can be held against it."""
        return bool(self.pages and not self.chain)

    def same_content(self, other: "Tally") -> bool:
        """Tell whether both count the same users, on whatever pages."""
        return (self.content, self.users) == (other.content, other.users)


class SnapshotRef(msgspec.Struct, frozen=True, kw_only=True):
    """Where a snapshot lies and what it must contain. `delta_link` leads to what changed after it, if that is known."""

    source: SourceId
    attempt: str
    tally: Tally
    #: Its pages, in order, if some of them are those of earlier attempts; otherwise they are all pages of its own.
    places: tuple[str, ...] = ()
    delta_link: str | None = None
    #: `scope_of` what the delta link was made with.
    scope: str = ""


def place_of(attempt: str, number: int) -> str:
    """Return where one page of an attempt is. The pages of a snapshot are in the order of their places."""
    return f"{attempt}:{number:06d}"


def is_place_of(ref: SnapshotRef) -> Callable[[str], bool]:
    """Return what tells whether one of a snapshot's pages is at a place of its source."""
    if ref.places:
        return frozenset(ref.places).__contains__
    return lambda place: place.startswith(f"{ref.attempt}:")


@dataclass(frozen=True, slots=True)
class Page:
    """A page to be stored, and what is stored beside it."""

    content: bytes
    #: SHA-256 of the content.
    digest: bytes
    #: The last digits of each id on it.
    who: bytes

    @classmethod
    def of(cls, content: bytes, users: Sequence[DirectoryUser]) -> "Page":
        """Return a page, given as encoded and as users."""
        return cls(content, _digest(content), _told(user.id for user in users))


@dataclass(frozen=True, slots=True)
class Mark:
    """What is known of a stored page that was not read."""

    place: str
    digest: bytes
    who: bytes

    @property
    def people(self) -> Sequence[int]:
        """Return who is on it, as `told` gives people, in their order there."""
        return memoryview(self.who).cast(_TOLD_FORMAT)

    def may_show(self, people: frozenset[int]) -> bool:
        """Tell whether anybody of `told(people)` may be on it; who is on it is always among those who may."""
        return not people.isdisjoint(self.people)

    def users(self, content: bytes) -> list[DirectoryUser]:
        """Return who is on the page, given as encoded. Raises: Conflict if it is not the one that was marked."""
        if _digest(content) == self.digest:
            users = decode_page(content)
            if len(users) == len(self.people):
                return users
        raise _incomplete(f"the page {self.place} of a snapshot is not the one that was stored")


def told(people: Iterable[ObjectId]) -> frozenset[int]:
    """Return people as marks know them, so that different people can be the same."""
    return frozenset(memoryview(_told(people)).cast(_TOLD_FORMAT))


def require_marks(ref: SnapshotRef, marks: Sequence[Mark]) -> None:
    """Hold if these are the marks of all pages that a reference promises, in order. Raises: Conflict."""
    users = sum(len(mark.who) for mark in marks) / _TOLD_BYTES
    if users != ref.tally.users or ref.tally.on_pages(mark.digest for mark in marks) != ref.tally:
        raise _incomplete(
            f"the snapshot of {ref.source} has marks of {len(marks)} pages with {users:g} users where "
            f"{ref.tally.pages} with {ref.tally.users} were promised, or their hash differs"
        )


def scope_of(connection: str, *, managers: bool = False) -> str:
    """Return the hash of what a delta link is bound to: whom it asks, given as a fingerprint, and about which fields.

    A delta tells of changes to the fields that were asked for when it began; once others are wanted, it begins anew.
    """
    fields = ",".join((*DirectoryUser.__struct_fields__, *["with managers"] * managers))
    return hashlib.sha256(f"{connection}\n{fields}".encode()).hexdigest()


class Verification:
    """Looks whether pages are exactly those that a reference promises, one after the other."""

    __slots__ = ("_chain", "_pages", "_users")

    def __init__(self) -> None:
        self._pages = self._users = 0
        self._chain = ""

    def add(self, page: bytes) -> list[DirectoryUser]:
        """Return the users of the next page."""
        self._chain = _chain(self._chain, _digest(page))
        users = decode_page(page)
        self._pages += 1
        self._users += len(users)
        return users

    def require(self, ref: SnapshotRef) -> None:
        """Hold if every page was there, unchanged and in order. Raises: Conflict."""
        if (self._pages, self._users, self._chain) != (ref.tally.pages, ref.tally.users, ref.tally.chain):
            raise _incomplete(
                f"the snapshot of {ref.source} has {self._pages} pages with {self._users} users where "
                f"{ref.tally.pages} with {ref.tally.users} were promised, or their hash differs"
            )


class CompleteSnapshot:
    """Every user of a source, once the last page of it has arrived; the only ground for calling somebody absent.

    It is built by `verified`, which refuses anything but exactly the pages of a reference, or is a part of what was
    verified in the same way (`shared.domain.snapshots.partitions`, `shared.domain.snapshots.changeset`): then it holds
    everybody of the source whose id is in the part, or of those who have changed.
    """

    __slots__ = ("source", "users")

    source: SourceId
    users: Mapping[ObjectId, DirectoryUser]

    def __init__(self) -> None:
        raise TypeError("a CompleteSnapshot is built by CompleteSnapshot.verified only")

    @classmethod
    def verified(cls, ref: SnapshotRef, pages: Iterable[bytes]) -> "CompleteSnapshot":
        """Return the snapshot. Raises: Conflict if the pages are not exactly those that `ref` promises."""
        verification = Verification()
        found = [user for page in pages for user in verification.add(page)]
        verification.require(ref)
        return cls._of(ref.source, found)

    @classmethod
    def of_part(
        cls, source: SourceId, users: Iterable[DirectoryUser], whole: "CutSnapshot | VerifiedChanges"
    ) -> "CompleteSnapshot":
        """Return a part of a snapshot that was verified as a `whole`, or as what has changed since one that was."""
        del whole  # whoever has one has verified it
        return cls._of(source, users)

    @classmethod
    def _of(cls, source: SourceId, users: Iterable[DirectoryUser]) -> "CompleteSnapshot":
        snapshot = object.__new__(cls)
        snapshot.source = source
        snapshot.users = {user.id: user for user in users}
        return snapshot


def encode_page(users: Sequence[DirectoryUser]) -> bytes:
    """Return the users as one compressed page, however large."""
    return isal_zlib.compress(_ENCODER.encode(users), _LEVEL)


def encode_pages(users: Sequence[DirectoryUser]) -> Iterator[tuple[bytes, Sequence[DirectoryUser]]]:
    """Yield the users as compressed pages with who is on each; one page unless that would exceed MAX_PAGE_BYTES."""
    page = encode_page(users)
    if len(page) <= MAX_PAGE_BYTES or len(users) == 1:
        yield page, users
        return
    half = len(users) // 2
    yield from encode_pages(users[:half])
    yield from encode_pages(users[half:])


def decode_page(page: bytes) -> list[DirectoryUser]:
    """Return the users of one page. Raises: isal_zlib.error, msgspec.ValidationError if it is none of `encode_page`."""
    return _DECODER.decode(isal_zlib.decompress(page))


def _incomplete(what: str) -> Conflict:
    return Conflict(f"{what}; it is not used", code=INCOMPLETE)


def _chain(previous: str, digest: bytes) -> str:
    return hashlib.sha256(previous.encode() + digest).hexdigest()


def _digest(page: bytes) -> bytes:
    return hashlib.sha256(page).digest()


def _sum_of(users: Iterable[DirectoryUser]) -> int:
    hashes = (hashlib.blake2b(_ENCODER.encode(user), digest_size=16).digest() for user in users)
    return sum(int.from_bytes(each, "big") for each in hashes)


def _told(people: Iterable[ObjectId]) -> bytes:
    return bytes.fromhex("".join([person[-_TOLD_DIGITS:] for person in people]))
