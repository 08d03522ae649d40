"""Complete snapshots: the proof that everything about some people was read, unchanged, from a source."""

from collections.abc import Collection, Iterable, Mapping

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId, SourceId, connection_of, recipient_id_of
from shared.domain.snapshots.partitions import partition_of
from shared.domain.snapshots.snapshot import SnapshotBody


class CompleteSnapshot:
    """The users of a source in one partition, after all of them were read. Only from it can absence be concluded.

    It is created by `verified`, which accepts only exactly the users that the directory had listed when it reported
    the last page; or it is a smaller partition of one, or about some of its people.
    """

    __slots__ = ("conclusive", "source", "users")

    source: SourceId
    users: Mapping[ObjectId, DirectoryUser]
    #: Whether a person of the partition who is not among the users is absent from the source.
    conclusive: bool

    def __init__(self) -> None:
        raise TypeError("a CompleteSnapshot is built by CompleteSnapshot.verified only")

    @classmethod
    def verified(cls, body: SnapshotBody, number: int, content: bytes) -> "CompleteSnapshot":
        """Create it from a stored partition. Raises SnapshotIncomplete unless it is the one of the manifest."""
        manifest = body.manifest
        return cls._of(manifest.source, body.users(number, content), conclusive=manifest.conclusive)

    def divided(self, numbers: range, count: int) -> "list[CompleteSnapshot]":
        """Return the users in smaller partitions: those with these numbers, of `count`, of which this one consists."""
        connection = connection_of(self.source)
        people: dict[int, list[ObjectId]] = {number: [] for number in numbers}
        for person in self.users:
            people[partition_of(recipient_id_of(connection, person), count)].append(person)
        return [self.about(found) for found in people.values()]

    def about(self, people: Collection[ObjectId]) -> "CompleteSnapshot":
        """Return what the snapshot proves about some people of its partition."""
        users = [self.users[person] for person in people if person in self.users]
        return self._of(self.source, users, conclusive=self.conclusive)

    @classmethod
    def _of(cls, source: SourceId, users: Iterable[DirectoryUser], *, conclusive: bool) -> "CompleteSnapshot":
        snapshot = object.__new__(cls)
        snapshot.conclusive = conclusive
        snapshot.source = source
        snapshot.users = {user.id: user for user in users}
        return snapshot
