"""Pages of a snapshot: up to 999 users as msgpack arrays, compressed in zlib's format, and the index entry of each."""

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from isal import isal_zlib

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId
from shared.errors import SnapshotIncomplete

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(list[DirectoryUser])
#: Largest page, in bytes: a row of Table Storage holds 704 KiB of packed values.
MAX_PAGE_BYTES: Final = 700_000
#: ISA-L at this level packs a page in a fifth of the time of zlib at its fastest, and smaller; the format is zlib's.
_LEVEL: Final = 1
#: Bytes of an id's CRC-32, which tells whether a page may contain a person: among a million people, one in four
#: thousand has the hash of another one.
HASH_BYTES: Final = 4
_HASH_FORMAT: Final = "I"  # an integer of as many bytes


@dataclass(frozen=True, slots=True)
class Page:
    """A page to be stored, and what is stored beside it."""

    content: bytes
    #: SHA-256 of the content.
    digest: bytes
    #: The hash of each id on it.
    id_hashes: bytes

    @classmethod
    def of(cls, content: bytes, users: Sequence[DirectoryUser]) -> "Page":
        """Return a page, given as encoded and as users."""
        return cls(content, digest_of(content), _hashes(user.id for user in users))


@dataclass(frozen=True, slots=True)
class PageIndexEntry:
    """What is known of a stored page that was not read."""

    page_key: str
    digest: bytes
    id_hashes: bytes

    @property
    def people(self) -> Sequence[int]:
        """Return who is on it, as `hashes_of` gives people, in their order there."""
        return memoryview(self.id_hashes).cast(_HASH_FORMAT)

    def may_contain(self, people: frozenset[int]) -> bool:
        """Tell whether anybody of `hashes_of(people)` may be on it; who is on it is always among those who may."""
        return not people.isdisjoint(self.people)

    def users(self, content: bytes) -> list[DirectoryUser]:
        """Return who is on the page, given as encoded. Raises: Conflict if it is not the one that was marked."""
        if digest_of(content) == self.digest:
            users = decode_page(content)
            if len(users) == len(self.people):
                return users
        raise incomplete(f"the page {self.page_key} of a snapshot is not the one that was stored")


def hashes_of(people: Iterable[ObjectId]) -> frozenset[int]:
    """Return people as marks know them, so that different people can be the same."""
    return frozenset(memoryview(_hashes(people)).cast(_HASH_FORMAT))


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


def incomplete(what: str) -> SnapshotIncomplete:
    """Return the error for a snapshot that is not complete."""
    return SnapshotIncomplete(f"{what}; it is not used")


def digest_of(page: bytes) -> bytes:
    """Return the SHA-256 of an encoded page."""
    return hashlib.sha256(page).digest()


def _hashes(people: Iterable[ObjectId]) -> bytes:
    return array(_HASH_FORMAT, map(isal_zlib.crc32, map(str.encode, people))).tobytes()
