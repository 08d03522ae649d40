"""Pages of a snapshot: up to 999 users as msgpack arrays in zlib format, and the page index."""

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
from isal import isal_zlib

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId
from shared.errors import SnapshotIncomplete

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(list[DirectoryUser])
#: Maximum size of a page, in bytes: a row of Table Storage holds 704 KiB of packed values.
MAX_PAGE_BYTES: Final = 700_000
#: Compression level of ISA-L: it compresses better than zlib's fastest level, in a fifth of the time.
_LEVEL: Final = 1
#: Size of an id's CRC-32 in the page index, in bytes: among a million people, one in 4,000 shares the hash of another.
HASH_BYTES: Final = 4
_HASH_FORMAT: Final = "I"  # array format of an integer of this size


class Page(msgspec.Struct, frozen=True):
    """An encoded page with its index entry."""

    content: bytes
    #: SHA-256 of the content.
    digest: bytes
    #: Hashes of the ids on the page.
    id_hashes: bytes

    @classmethod
    def of(cls, content: bytes, users: Sequence[DirectoryUser]) -> "Page":
        """Create a page from its encoded content and its users."""
        return cls(content, digest_of(content), _hashes(user.id for user in users))


class PageIndexEntry(msgspec.Struct, frozen=True):
    """Index entry of a stored page. It shows without reading the page whether it may contain a user."""

    page_key: str
    digest: bytes
    id_hashes: bytes

    @property
    def people(self) -> Sequence[int]:
        """The hashes of the users on the page, in their order (see `hashes_of`)."""
        return memoryview(self.id_hashes).cast(_HASH_FORMAT)

    def may_contain(self, people: frozenset[int]) -> bool:
        """Return whether the page may contain any user of `hashes_of(people)`.

        False positives are possible, false negatives are not.
        """
        return not people.isdisjoint(self.people)

    def users(self, content: bytes) -> list[DirectoryUser]:
        """Return the users of the page from its content. Raises SnapshotIncomplete if it is not the indexed page."""
        if digest_of(content) == self.digest:
            users = decode_page(content)
            if len(users) == len(self.people):
                return users
        raise incomplete(f"the page {self.page_key} of a snapshot is not the one that was stored")


def hashes_of(people: Iterable[ObjectId]) -> frozenset[int]:
    """Return the hashes of user ids as stored in the page index. Different users can have the same hash."""
    return frozenset(memoryview(_hashes(people)).cast(_HASH_FORMAT))


def encode_page(users: Sequence[DirectoryUser]) -> bytes:
    """Return the users as one compressed page of any size."""
    return isal_zlib.compress(_ENCODER.encode(users), _LEVEL)


def encode_pages(users: Sequence[DirectoryUser]) -> Iterator[tuple[bytes, Sequence[DirectoryUser]]]:
    """Yield compressed pages and their users: one page, or several if one would exceed MAX_PAGE_BYTES."""
    page = encode_page(users)
    if len(page) <= MAX_PAGE_BYTES or len(users) == 1:
        yield page, users
        return
    half = len(users) // 2
    yield from encode_pages(users[:half])
    yield from encode_pages(users[half:])


def decode_page(page: bytes) -> list[DirectoryUser]:
    """Return the users of one page. Raises isal_zlib.error or msgspec.ValidationError if it is malformed."""
    return _DECODER.decode(isal_zlib.decompress(page))


def incomplete(what: str) -> SnapshotIncomplete:
    """Create the error for an incomplete snapshot."""
    return SnapshotIncomplete(f"{what}; it is not used")


def digest_of(page: bytes) -> bytes:
    """Return the SHA-256 of an encoded page."""
    return hashlib.sha256(page).digest()


def _hashes(people: Iterable[ObjectId]) -> bytes:
    return array(_HASH_FORMAT, map(isal_zlib.crc32, map(str.encode, people))).tobytes()
