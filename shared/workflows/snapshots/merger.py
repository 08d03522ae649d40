"""Snapshot merger: makes a snapshot of what a directory reported, and of the previous snapshot."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId, TenantId
from shared.domain.snapshots.collector import Collector
from shared.domain.snapshots.delta import merge
from shared.domain.snapshots.partitions import partition_count
from shared.domain.snapshots.snapshot import ChangedUsers, Partition, SnapshotBody, SnapshotManifest, encode_partition
from shared.ports.platform import IdSource
from shared.ports.snapshots import SnapshotStore
from shared.runtime.fair_scheduler import cpu_slice
from shared.workflows.snapshots.reader import SnapshotReader

#: Maximum number of changed people that are named. Locations with more are compared completely.
MAX_CHANGED: Final = 100
#: Average size that partitions may have, in bytes, so that none is larger than a row, which holds 704 KiB.
_PARTITION_BYTES: Final = 200_000


#: The manifest of a snapshot of which every row is stored, and the users who differ from the previous one; None if they
#: are unknown or too many.
Merged = tuple[SnapshotManifest, ChangedUsers | None]


class _Difference:
    """Collects the people who differ, and those of them who are there afterwards, up to `MAX_CHANGED`."""

    def __init__(self) -> None:
        self._people: set[ObjectId] = set()
        self._after: dict[ObjectId, DirectoryUser] = {}

    def add(self, before: Mapping[ObjectId, DirectoryUser], after: Mapping[ObjectId, DirectoryUser]) -> None:
        """Add a partition."""
        if len(self._people) <= MAX_CHANGED:
            people = {person for person in before.keys() | after.keys() if before.get(person) != after.get(person)}
            self._people |= people
            self._after.update((person, after[person]) for person in people & after.keys())

    def users(self, manifest: SnapshotManifest) -> ChangedUsers | None:
        """Return the users; None if they are too many."""
        few = len(self._people) <= MAX_CHANGED
        return ChangedUsers.of(manifest, self._people, self._after) if few else None


class SnapshotMerger(msgspec.Struct, frozen=True):
    """Makes snapshots under attempt ids of their own."""

    store: SnapshotStore
    reader: SnapshotReader
    ids: IdSource

    async def patched(self, tenant: TenantId, base: SnapshotManifest, collector: Collector) -> Merged:
        """Return a snapshot with the collected changes. Only partitions of people that they name are read.

        Raises:
            Unnamed: A change adds a user without a user principal name.
            SnapshotIncomplete: A partition of `base` is missing or damaged.
        """
        if not collector.items:
            return base, None
        body = await self.reader.open(tenant, base)
        attempt, count = self.ids.new_attempt_id(), len(body.partitions)
        entries, rows = list(body.partitions), dict[str, bytes]()
        numbers = collector.partitions(count)
        difference = _Difference()
        before = self.reader.required(tenant, body, numbers)
        for number in numbers:
            snapshot = await anext(before)
            async with cpu_slice():
                users = merge(dict(snapshot.users), collector.take(number, count))
                partition, content = encode_partition(users, attempt)
            if partition.digest != entries[number].digest:
                entries[number], rows[partition.key(number)] = partition, content
                difference.add(snapshot.users, users)
        if not rows:
            return base, None
        new = SnapshotBody.of(msgspec.structs.replace(base, attempt=attempt), entries)
        return await self._stored(tenant, new, rows), difference.users(new.manifest)

    async def built(
        self, tenant: TenantId, manifest: SnapshotManifest, collector: Collector, current: SnapshotManifest | None
    ) -> Merged:
        """Return a snapshot of a complete listing, with the source and the conclusions of `manifest`.

        Raises SnapshotIncomplete if a partition of `current` that differs is missing or damaged.
        """
        count = partition_count(collector.items, current.partitions if current is not None else 0)
        while count < collector.size_bytes // _PARTITION_BYTES:
            count *= 2
        attempt = self.ids.new_attempt_id()
        partitions, contents = list[Partition](), list[bytes]()
        for number in range(count):
            async with cpu_slice():
                partition, content = encode_partition(merge({}, collector.take(number, count)), attempt)
            partitions.append(partition)
            contents.append(content)
        new = SnapshotBody.of(msgspec.structs.replace(manifest, attempt=attempt), partitions)
        changed = None
        if current is not None:
            if new.manifest.fingerprint == current.fingerprint:
                return current, None
            changed = await self._changed(tenant, current, new, contents)
        rows = {partition.key(number): contents[number] for number, partition in enumerate(partitions)}
        return await self._stored(tenant, new, rows), changed

    async def _changed(
        self, tenant: TenantId, current: SnapshotManifest, new: SnapshotBody, contents: Sequence[bytes]
    ) -> ChangedUsers | None:
        """Return the users who differ. Other conclusions concern all users, whether they differ or not."""
        count, difference = len(contents), _Difference()
        if (current.partitions, current.conclusive) != (count, new.manifest.conclusive):
            return None
        old = await self.reader.open(tenant, current)
        numbers = [n for n in range(count) if old.partitions[n].digest != new.partitions[n].digest]
        if len(numbers) > MAX_CHANGED:
            return None
        before = self.reader.required(tenant, old, numbers)
        for number in numbers:
            snapshot = await anext(before)
            async with cpu_slice():
                difference.add(snapshot.users, {user.id: user for user in new.users(number, contents[number])})
        return difference.users(new.manifest)

    async def _stored(self, tenant: TenantId, body: SnapshotBody, rows: Mapping[str, bytes]) -> SnapshotManifest:
        manifest = body.manifest
        await self.store.put(tenant, manifest.source, {**rows, manifest.body_key: body.content})
        return manifest
