"""Snapshots: the last complete content of a source, as one compressed row per partition, and the manifest.

A manifest has two parts. `SnapshotManifest` is small, and passed between jobs. Its *body* lists the partitions, each
with the hash of its users. A partition with the same users has the same hash, so equal fingerprints mean equal content.
Rows are immutable. A snapshot shares the rows of unchanged partitions with the previous one.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import msgspec
from isal import igzip_lib, isal_zlib

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId, SourceId
from shared.errors import SnapshotIncomplete

#: Compression level of ISA-L: it compresses better than zlib's fastest level, in a fifth of the time.
_LEVEL: Final = 1


class SnapshotManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What identifies a snapshot: enough to compare its content, and to verify the body and the partitions."""

    source: SourceId
    #: The attempt that wrote the body.
    attempt: str
    #: Number of partitions; 0 in manifests of an earlier version, which cannot be read.
    partitions: int = 0
    users: int = 0
    #: Hash over the hashes of all partitions and `conclusive`.
    fingerprint: str = ""
    #: Whether the absence of a person may be concluded, according to the listing with which the snapshot began.
    conclusive: bool = True
    #: Cursor for changes since the snapshot; None without a change feed.
    change_cursor: str | None = None
    #: `scope_of` the change cursor.
    scope: str = ""
    #: Properties that few users had, or none, when the source was last listed, and that no change has given to a user.
    scarce: tuple[str, ...] = ()
    #: Whether that listing showed the account status of any user.
    status_shown: bool = True
    #: `Cleared.numbers` of the changes since.
    cleared: dict[str, int] = {}
    #: When the directory last refused its change feed; it is tried again a week later. None if it has one.
    feed_refused_at: datetime | None = None

    @property
    def body_key(self) -> str:
        """The key of the row with the body."""
        return f"manifest:{self.attempt}"


class Partition(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Entry of a manifest's body."""

    #: SHA-256 of the users, before compression.
    digest: bytes
    users: int
    #: The attempt that wrote the row.
    attempt: str

    def key(self, number: int) -> str:
        """Return the key of the row. Keys sort by the number of the partition."""
        return f"{number:04d}:{self.attempt}"


_USERS: Final = msgspec.msgpack.Decoder(list[DirectoryUser])
_BODY: Final = msgspec.msgpack.Decoder(list[Partition])


class SnapshotBody(msgspec.Struct, frozen=True):
    """The partitions of a snapshot, in order. Create it with `verified`, or with `of` for a new snapshot."""

    manifest: SnapshotManifest
    partitions: Sequence[Partition]

    @classmethod
    def of(cls, manifest: SnapshotManifest, partitions: Sequence[Partition]) -> "SnapshotBody":
        """Return the body of a new snapshot, with what follows from its partitions in the manifest."""
        digests = b"".join(partition.digest for partition in partitions)
        manifest = msgspec.structs.replace(
            manifest,
            partitions=len(partitions),
            users=sum(partition.users for partition in partitions),
            fingerprint=hashlib.sha256(b"%d" % manifest.conclusive + digests).hexdigest(),
        )
        return cls(manifest, partitions)

    @classmethod
    def verified(cls, manifest: SnapshotManifest, content: bytes) -> "SnapshotBody":
        """Return the stored body of a manifest. Raises SnapshotIncomplete if it is another one, or damaged."""
        with _damage_means(f"the list of partitions of {manifest.source} is not the one that was stored"):
            body = cls.of(manifest, _BODY.decode(isal_zlib.decompress(content)))
        if body.manifest != manifest:
            raise SnapshotIncomplete(f"the partitions of {manifest.source} are not those of its manifest")
        return body

    @property
    def content(self) -> bytes:
        """The body as it is stored."""
        return isal_zlib.compress(msgspec.msgpack.encode(self.partitions), _LEVEL)

    @property
    def keys(self) -> list[str]:
        """The keys of all rows of the snapshot."""
        rows = [partition.key(number) for number, partition in enumerate(self.partitions)]
        return [*rows, self.manifest.body_key]

    def users(self, number: int, content: bytes) -> list[DirectoryUser]:
        """Return the users of a partition. Raises SnapshotIncomplete if they do not have the hash of the manifest."""
        with _damage_means(f"a partition of {self.manifest.source} is damaged"):
            encoded = isal_zlib.decompress(content)
            if hashlib.sha256(encoded).digest() != self.partitions[number].digest:
                raise SnapshotIncomplete(f"partition {number} of {self.manifest.source} is not the one of its manifest")
            return _USERS.decode(encoded)


class ChangedUsers(msgspec.Struct, frozen=True):
    """The users who differ from the previous snapshot, as a snapshot of one partition with only these."""

    #: All of them; a user who is not in the partition was removed.
    people: tuple[ObjectId, ...]
    body: SnapshotBody
    content: bytes

    @classmethod
    def of(
        cls, manifest: SnapshotManifest, people: Iterable[ObjectId], after: Mapping[ObjectId, DirectoryUser]
    ) -> "ChangedUsers":
        """Return the changed people of a snapshot, with those who are there afterwards."""
        partition, content = encode_partition(after, manifest.attempt)
        return cls(tuple(sorted(people)), SnapshotBody.of(manifest, [partition]), content)


def encode_partition(users: Mapping[ObjectId, DirectoryUser], attempt: str) -> tuple[Partition, bytes]:
    """Return the entry and the row of a partition with these users, in any order."""
    encoded = msgspec.msgpack.encode([users[person] for person in sorted(users)])
    partition = Partition(hashlib.sha256(encoded).digest(), len(users), attempt)
    return partition, isal_zlib.compress(encoded, _LEVEL)


def decode_partition(content: bytes) -> dict[ObjectId, DirectoryUser]:
    """Return the users of a row that `encode_partition` has just returned."""
    return {user.id: user for user in _USERS.decode(isal_zlib.decompress(content))}


@contextmanager
def _damage_means(message: str) -> Iterator[None]:
    try:
        yield
    except (igzip_lib.IsalError, msgspec.DecodeError) as error:  # type: ignore[misc] # the stub declares an instance
        raise SnapshotIncomplete(message) from error


def scope_of(connection: str, *, managers: bool = False) -> str:
    """Return the scope of a change cursor: a hash of the connection's fingerprint and the requested fields.

    A change feed reports only changes to the fields that were requested when it began. A change of the fields requires
    a new cursor.
    """
    fields = ",".join((*DirectoryUser.__struct_fields__, *["with managers"] * managers))
    return hashlib.sha256(f"{connection}\n{fields}".encode()).hexdigest()
