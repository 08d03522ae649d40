"""What has changed about the people of a source since its snapshot before, read as completely as a snapshot."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId, RecipientId, connection_of, recipient_id_of
from shared.domain.snapshots.snapshot import SnapshotDigest, SnapshotManifest
from shared.domain.snapshots.verification import CompleteSnapshot, Verification, VerifiedWhole

#: Of so many changes at most, and of so small a part of the people, the rest is not worth reading.
MAX_CHANGED: Final = 20_000
MAX_SHARE: Final = 0.2


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """Who of a source is not as in the snapshot before: stored as pages of users, as they were and then as they are."""

    #: What the snapshot before was.
    since: SnapshotDigest
    pages: SnapshotManifest
    #: How many of the users on the pages are as they were.
    before: int


class VerifiedChanges(VerifiedWhole):
    """The same, read to the last page. There is one way to build it, `Changed.verified`."""

    __slots__ = ("after", "before", "recipients")

    def __init__(
        self,
        changes: Changes,
        before: Sequence[DirectoryUser],
        after: Sequence[DirectoryUser],
        recipients: Mapping[ObjectId, RecipientId],
        key: object,
    ) -> None:
        if key is not _KEY:
            raise TypeError("VerifiedChanges are built by Changed.verified only")
        self.conclusive = changes.since.conclusive
        #: Those who were there before, and those who are there now; of all who are not as they were.
        self.before: Mapping[ObjectId, DirectoryUser] = {user.id: user for user in before}
        self.after = CompleteSnapshot.of_part(changes.pages.source, after, self)
        #: The recipient that the directory makes of each of them.
        self.recipients = recipients


_KEY: Final = object()


class Changed:
    """Takes the pages of changes in order."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._verification = Verification()
        self._users: list[DirectoryUser] = []
        self._connection = connection_of(changes.pages.source)
        self._recipients: dict[ObjectId, RecipientId] = {}

    def add(self, page: bytes) -> None:
        """Take the next page."""
        users = self._verification.add(page)
        self._users += users
        new = [user.id for user in users if user.id not in self._recipients]
        self._recipients.update([(person, recipient_id_of(self._connection, person)) for person in new])

    def verified(self) -> VerifiedChanges:
        """Return the changes. Raises: Conflict if the pages are not exactly those that the reference promises."""
        ref, before = self._changes.pages, self._changes.before
        self._verification.require(ref)
        return VerifiedChanges(self._changes, self._users[:before], self._users[before:], self._recipients, _KEY)


def is_few(changed: int, people: int) -> bool:
    """Tell whether so many changes among so many people are worth being kept."""
    return changed <= min(MAX_CHANGED, MAX_SHARE * people)
