"""Verification of snapshots: the proof that all pages were read, unchanged and in order."""

from collections.abc import Iterable, Mapping, Sequence

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId, SourceId
from shared.domain.snapshots.page import HASH_BYTES, PageIndexEntry, decode_page, digest_of, incomplete
from shared.domain.snapshots.snapshot import SnapshotManifest, chained


def require_page_index(manifest: SnapshotManifest, entries: Sequence[PageIndexEntry]) -> None:
    """Verify that a page index matches the manifest, in order. Raises SnapshotIncomplete if it does not."""
    users = sum(len(entry.id_hashes) for entry in entries) / HASH_BYTES
    if users != manifest.digest.users or manifest.digest.on_pages(entry.digest for entry in entries) != manifest.digest:
        raise incomplete(
            f"the snapshot of {manifest.source} has an index of {len(entries)} pages with {users:g} users where its "
            f"manifest has {manifest.digest.pages} with {manifest.digest.users}, or their hashes differ"
        )


class Verification:
    """Verifies, page by page, that pages are exactly those of a manifest."""

    __slots__ = ("_chain", "_pages", "_users")

    def __init__(self) -> None:
        self._pages = self._users = 0
        self._chain = ""

    def add(self, page: bytes) -> list[DirectoryUser]:
        """Add the next page and return its users."""
        self._chain = chained(self._chain, digest_of(page))
        users = decode_page(page)
        self._pages += 1
        self._users += len(users)
        return users

    def require(self, manifest: SnapshotManifest) -> None:
        """Verify that all pages were added, unchanged and in order. Raises SnapshotIncomplete if they were not."""
        digest = manifest.digest
        if (self._pages, self._users, self._chain) != (digest.pages, digest.users, digest.page_chain):
            raise incomplete(
                f"the snapshot of {manifest.source} has {self._pages} pages with {self._users} users where its "
                f"manifest has {digest.pages} with {digest.users}, or their hashes differ"
            )


class VerifiedWhole:
    """Base class of verified content: a snapshot, or the changes to one, of which all pages were verified."""

    __slots__ = ("conclusive",)

    #: `SnapshotDigest.conclusive` of the snapshot.
    conclusive: bool


class CompleteSnapshot:
    """All users of a source, after all of its pages were read. Only from it can absence be concluded.

    It is created by `verified`, which accepts only exactly the pages of a manifest. Or it is a part of content that was
    verified in the same way (`shared.domain.snapshots.partitions`, `shared.domain.snapshots.changeset`): it then
    contains all users of the source with an id in the part, or all users that have changed.
    """

    __slots__ = ("conclusive", "source", "users")

    source: SourceId
    users: Mapping[ObjectId, DirectoryUser]
    #: Whether a person who is not among the users is absent from the source.
    conclusive: bool

    def __init__(self) -> None:
        raise TypeError("a CompleteSnapshot is built by CompleteSnapshot.verified only")

    @classmethod
    def verified(cls, manifest: SnapshotManifest, pages: Iterable[bytes]) -> "CompleteSnapshot":
        """Create the snapshot. Raises SnapshotIncomplete if the pages are not exactly those of the manifest."""
        verification = Verification()
        users = [user for page in pages for user in verification.add(page)]
        verification.require(manifest)
        return cls._of(manifest.source, users, conclusive=manifest.digest.conclusive)

    @classmethod
    def of_part(cls, source: SourceId, users: Iterable[DirectoryUser], whole: VerifiedWhole) -> "CompleteSnapshot":
        """Create a part of a snapshot that was verified as a `whole`, or the changes since such a snapshot."""
        return cls._of(source, users, conclusive=whole.conclusive)  # only verification creates a `whole`

    @classmethod
    def _of(cls, source: SourceId, users: Iterable[DirectoryUser], *, conclusive: bool) -> "CompleteSnapshot":
        snapshot = object.__new__(cls)
        snapshot.conclusive = conclusive
        snapshot.source = source
        snapshot.users = {user.id: user for user in users}
        return snapshot
