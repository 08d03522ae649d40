"""Proof that a snapshot is complete."""

from collections.abc import Iterable, Mapping, Sequence

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId, SourceId
from shared.domain.snapshots.page import HASH_BYTES, PageIndexEntry, decode_page, digest_of, incomplete
from shared.domain.snapshots.snapshot import SnapshotManifest, chained


def require_page_index(ref: SnapshotManifest, marks: Sequence[PageIndexEntry]) -> None:
    """Hold if these are the marks of all pages that a reference promises, in order. Raises: Conflict."""
    users = sum(len(mark.id_hashes) for mark in marks) / HASH_BYTES
    if users != ref.digest.users or ref.digest.on_pages(mark.digest for mark in marks) != ref.digest:
        raise incomplete(
            f"the snapshot of {ref.source} has marks of {len(marks)} pages with {users:g} users where "
            f"{ref.digest.pages} with {ref.digest.users} were promised, or their hash differs"
        )


class Verification:
    """Looks whether pages are exactly those that a reference promises, one after the other."""

    __slots__ = ("_chain", "_pages", "_users")

    def __init__(self) -> None:
        self._pages = self._users = 0
        self._chain = ""

    def add(self, page: bytes) -> list[DirectoryUser]:
        """Return the users of the next page."""
        self._chain = chained(self._chain, digest_of(page))
        users = decode_page(page)
        self._pages += 1
        self._users += len(users)
        return users

    def require(self, ref: SnapshotManifest) -> None:
        """Hold if every page was there, unchanged and in order. Raises: Conflict."""
        if (self._pages, self._users, self._chain) != (ref.digest.pages, ref.digest.users, ref.digest.page_chain):
            raise incomplete(
                f"the snapshot of {ref.source} has {self._pages} pages with {self._users} users where "
                f"{ref.digest.pages} with {ref.digest.users} were promised, or their hash differs"
            )


class VerifiedWhole:
    """Base of values that hold a snapshot, or the changes to one, of which every page was verified."""

    __slots__ = ("conclusive",)

    #: As in the digest of the snapshot.
    conclusive: bool


class CompleteSnapshot:
    """Every user of a source, once the last page of it has arrived; the only ground for calling somebody absent.

    It is built by `verified`, which refuses anything but exactly the pages of a reference, or is a part of what was
    verified in the same way (`shared.domain.snapshots.partitions`, `shared.domain.snapshots.changeset`): then it holds
    everybody of the source whose id is in the part, or of those who have changed.
    """

    __slots__ = ("conclusive", "source", "users")

    source: SourceId
    users: Mapping[ObjectId, DirectoryUser]
    #: Whether a person who is not among the users is absent from the source.
    conclusive: bool

    def __init__(self) -> None:
        raise TypeError("a CompleteSnapshot is built by CompleteSnapshot.verified only")

    @classmethod
    def verified(cls, ref: SnapshotManifest, pages: Iterable[bytes]) -> "CompleteSnapshot":
        """Return the snapshot. Raises: Conflict if the pages are not exactly those that `ref` promises."""
        verification = Verification()
        found = [user for page in pages for user in verification.add(page)]
        verification.require(ref)
        return cls._of(ref.source, found, conclusive=ref.digest.conclusive)

    @classmethod
    def of_part(cls, source: SourceId, users: Iterable[DirectoryUser], whole: VerifiedWhole) -> "CompleteSnapshot":
        """Return a part of a snapshot that was verified as a `whole`, or what has changed since one that was."""
        return cls._of(source, users, conclusive=whole.conclusive)  # only verification builds a `whole`

    @classmethod
    def _of(cls, source: SourceId, users: Iterable[DirectoryUser], *, conclusive: bool) -> "CompleteSnapshot":
        snapshot = object.__new__(cls)
        snapshot.conclusive = conclusive
        snapshot.source = source
        snapshot.users = {user.id: user for user in users}
        return snapshot
