"""Snapshots: the last complete content of a source, as compact pages, and the proof that they are all there.

A page is up to 999 users as msgpack arrays, compressed with zlib. Pages are chained by SHA-256, so that a lost, added
or swapped page is noticed; `content` is a sum of hashes, so that the same users in any order have the same content.

Pages never change. A snapshot shares those on which nobody has changed with the one before, and says then where each of
its pages is; what lies beside a page tells whom it may show, so that only those need to be read that somebody is on.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.ids import SourceId
from shared.domain.snapshots.page import digest_of

_USER_ENCODER: Final = msgspec.msgpack.Encoder()
_CONTENT_MODULUS: Final = 2**128


class SnapshotDigest(msgspec.Struct, frozen=True, kw_only=True):
    """What has been staged so far: enough to go on after a crash or in another worker."""

    pages: int = 0
    users: int = 0
    #: Chain over the pages in order: sha256(previous chain + sha256(page)), hexadecimal.
    page_chain: str = ""
    #: Sum over the users of a 128-bit hash of each, in hexadecimal; does not depend on their order.
    content_hash: str = "0"
    #: Whether the absence of a person may be concluded: the listing that it began with said so.
    conclusive: bool = True

    def add(self, page: bytes, users: Sequence[DirectoryUser]) -> "SnapshotDigest":
        """Return the digest after one more page, given both as encoded and as users."""
        return self.add_page(digest_of(page), users)

    def add_page(self, digest: bytes, users: Sequence[DirectoryUser]) -> "SnapshotDigest":
        """Return the digest after one more page, given by its digest and as users."""
        return msgspec.structs.replace(
            self.moved_on((), users), pages=self.pages + 1, page_chain=chained(self.page_chain, digest)
        )

    def moved_on(self, gone: Sequence[DirectoryUser], come: Sequence[DirectoryUser]) -> "SnapshotDigest":
        """Return the digest without some users and with others; its pages are another matter, see `on_pages`."""
        content = (int(self.content_hash, 16) - _sum_of(gone) + _sum_of(come)) % _CONTENT_MODULUS
        users = self.users - len(gone) + len(come)
        return msgspec.structs.replace(self, users=users, content_hash=f"{content:x}")

    def on_pages(self, digests: Iterable[bytes]) -> "SnapshotDigest":
        """Return the digest of the same users on pages that have these digests."""
        chain, pages = "", 0
        for digest in digests:
            chain, pages = chained(chain, digest), pages + 1
        return msgspec.structs.replace(self, pages=pages, page_chain=chain)

    @property
    def outdated(self) -> bool:
        """Whether it is of an earlier version, which chained pages in another way: nothing can be held against it."""
        return bool(self.pages and not self.page_chain)

    def same_content(self, other: "SnapshotDigest") -> bool:
        """Return whether both count the same users, on whatever pages, and allow the same conclusions."""
        ours = self.content_hash, self.users, self.conclusive
        return ours == (other.content_hash, other.users, other.conclusive)


class SnapshotManifest(msgspec.Struct, frozen=True, kw_only=True):
    """Where a snapshot is stored and what it must contain."""

    source: SourceId
    attempt: str
    digest: SnapshotDigest
    #: Its pages, in order, if some of them are those of earlier attempts; otherwise they are all pages of its own.
    page_keys: tuple[str, ...] = ()
    #: Cursor of what changed after the snapshot; None without a change feed.
    change_cursor: str | None = None
    #: `scope_of` what the delta link was made with.
    scope: str = ""


def page_key(attempt: str, number: int) -> str:
    """Return where one page of an attempt is. The pages of a snapshot are in the order of their page_keys."""
    return f"{attempt}:{number:06d}"


def is_page_of(ref: SnapshotManifest) -> Callable[[str], bool]:
    """Return what tells whether one of a snapshot's pages is at a place of its source."""
    if ref.page_keys:
        return frozenset(ref.page_keys).__contains__
    return lambda key: key.startswith(f"{ref.attempt}:")


def scope_of(connection: str, *, managers: bool = False) -> str:
    """Return the hash of what a delta link is bound to: whom it asks, given as a fingerprint, and about which fields.

    A delta tells of changes to the fields that were asked for when it began; once others are wanted, it begins anew.
    """
    fields = ",".join((*DirectoryUser.__struct_fields__, *["with managers"] * managers))
    return hashlib.sha256(f"{connection}\n{fields}".encode()).hexdigest()


def chained(previous: str, digest: bytes) -> str:
    """Return the hash chain after one more page, in hexadecimal."""
    return hashlib.sha256(previous.encode() + digest).hexdigest()


def _sum_of(users: Iterable[DirectoryUser]) -> int:
    hashes = (hashlib.blake2b(_USER_ENCODER.encode(user), digest_size=16).digest() for user in users)
    return sum(int.from_bytes(each, "big") for each in hashes)
