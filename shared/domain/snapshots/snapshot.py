"""Snapshots: the last complete content of a source as compressed pages, and the digest that verifies it.

The page chain is a hash chain (SHA-256) over the pages, which detects a lost, added or swapped page. The content hash
is a sum of the users' hashes, so the same users have the same content hash in any order.

Pages are immutable. A snapshot shares unchanged pages with the previous one; its manifest then lists the page keys. The
page index shows which pages may contain a user, so that only these need to be read.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.ids import SourceId
from shared.domain.snapshots.page import digest_of

_USER_ENCODER: Final = msgspec.msgpack.Encoder()
_CONTENT_MODULUS: Final = 2**128


class SnapshotDigest(msgspec.Struct, frozen=True, kw_only=True):
    """Digest of the pages staged so far. With it, another worker can continue after a crash."""

    pages: int = 0
    users: int = 0
    #: Chain over the pages in order: sha256(previous chain + sha256(page)), hexadecimal.
    page_chain: str = ""
    #: Sum of the users' 128-bit hashes, in hexadecimal; independent of the order of users.
    content_hash: str = "0"
    #: Whether absence may be concluded, according to the listing with which the snapshot began.
    conclusive: bool = True

    def add(self, page: bytes, users: Sequence[DirectoryUser]) -> "SnapshotDigest":
        """Return the digest after one more page, given by its encoded content and its users."""
        return self.add_page(digest_of(page), users)

    def add_page(self, digest: bytes, users: Sequence[DirectoryUser]) -> "SnapshotDigest":
        """Return the digest after one more page, given by its SHA-256 and its users."""
        return msgspec.structs.replace(
            self.moved_on((), users), pages=self.pages + 1, page_chain=chained(self.page_chain, digest)
        )

    def moved_on(self, removed: Sequence[DirectoryUser], added: Sequence[DirectoryUser]) -> "SnapshotDigest":
        """Return the digest after removing and adding users. Its pages do not change; see `on_pages`."""
        content = (int(self.content_hash, 16) - _sum_of(removed) + _sum_of(added)) % _CONTENT_MODULUS
        users = self.users - len(removed) + len(added)
        return msgspec.structs.replace(self, users=users, content_hash=f"{content:x}")

    def on_pages(self, digests: Iterable[bytes]) -> "SnapshotDigest":
        """Return the digest of the same users on pages with these SHA-256 digests."""
        chain, pages = "", 0
        for digest in digests:
            chain, pages = chained(chain, digest), pages + 1
        return msgspec.structs.replace(self, pages=pages, page_chain=chain)

    @property
    def outdated(self) -> bool:
        """Whether the digest is of an earlier version, with another page chain, and cannot verify pages."""
        return bool(self.pages and not self.page_chain)

    def same_content(self, other: "SnapshotDigest") -> bool:
        """Return whether both digests have the same users, on any pages, and allow the same conclusions."""
        content = self.content_hash, self.users, self.conclusive
        return content == (other.content_hash, other.users, other.conclusive)


class SnapshotManifest(msgspec.Struct, frozen=True, kw_only=True):
    """Manifest of a snapshot: its pages, and the digest that they must have."""

    source: SourceId
    attempt: str
    digest: SnapshotDigest
    #: Keys of its pages in order, if it shares pages of earlier attempts. Empty: all pages of its own attempt.
    page_keys: tuple[str, ...] = ()
    #: Cursor for changes since the snapshot; None without a change feed.
    change_cursor: str | None = None
    #: `scope_of` the change cursor.
    scope: str = ""
    #: Properties that few users had, or none, when the source was last listed.
    scarce: tuple[str, ...] = ()
    #: When the directory last refused its change feed; it is tried again a week later. None if it has one.
    feed_refused_at: datetime | None = None


def page_key(attempt: str, number: int) -> str:
    """Return the key of a page of an attempt. The pages of a snapshot are in the order of their keys."""
    return f"{attempt}:{number:06d}"


def is_page_of(ref: SnapshotManifest) -> Callable[[str], bool]:
    """Return a predicate for page keys of the source: whether the page belongs to this snapshot."""
    if ref.page_keys:
        return frozenset(ref.page_keys).__contains__
    return lambda key: key.startswith(f"{ref.attempt}:")


def scope_of(connection: str, *, managers: bool = False) -> str:
    """Return the scope of a change cursor: a hash of the connection's fingerprint and the requested fields.

    A change feed reports only changes to the fields that were requested when it began. A change of the fields requires
    a new cursor.
    """
    fields = ",".join((*DirectoryUser.__struct_fields__, *["with managers"] * managers))
    return hashlib.sha256(f"{connection}\n{fields}".encode()).hexdigest()


def chained(previous: str, digest: bytes) -> str:
    """Return the hash chain after one more page, in hexadecimal."""
    return hashlib.sha256(previous.encode() + digest).hexdigest()


def _sum_of(users: Iterable[DirectoryUser]) -> int:
    hashes = (hashlib.blake2b(_USER_ENCODER.encode(user), digest_size=16).digest() for user in users)
    return sum(int.from_bytes(hash_, "big") for hash_ in hashes)
