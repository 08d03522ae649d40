"""Snapshot merger: makes a snapshot of what a directory reported, and of the previous snapshot."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId, TenantId
from shared.domain.snapshots.collector import Collector
from shared.domain.snapshots.delta import RoundUnusable, contradictions, merge
from shared.domain.snapshots.partitions import MAX_PARTITION_ITEMS, MAX_PARTITIONS, partition_count
from shared.domain.snapshots.snapshot import ChangedUsers, SnapshotBody, SnapshotManifest
from shared.domain.snapshots.withheld import Cleared, Visible
from shared.errors import Conflict, SnapshotIncomplete
from shared.ports.platform import IdSource
from shared.ports.snapshots import SnapshotStore
from shared.runtime.fair_scheduler import cpu_slice
from shared.workflows.snapshots.draft import MAX_READ_BY_ID, Draft, Settle
from shared.workflows.snapshots.reader import SnapshotReader

#: Average size that partitions may have, in bytes, so that none is larger than a row, which holds 704 KiB.
_PARTITION_BYTES: Final = 200_000
#: What people read when a server chooses ids of one range, whose people would have to be in memory together.
_CROWDED: Final = (
    "Too many of the directory's object ids belong together by their hash, as random ids never do, or it names people "
    "too often. Nothing was changed."
)


#: The manifest of a snapshot of which every row is stored, and the users who differ from the previous one; None if they
#: are unknown or too many.
Merged = tuple[SnapshotManifest, ChangedUsers | None]


class SnapshotMerger(msgspec.Struct, frozen=True):
    """Makes snapshots under attempt ids of their own."""

    store: SnapshotStore
    reader: SnapshotReader
    ids: IdSource

    async def patched(self, tenant: TenantId, base: SnapshotManifest, collector: Collector, settle: Settle) -> Merged:
        """Return a snapshot with the collected changes. Only partitions of people that they name are read.

        The collector keeps its items, in case that `settle` fails.

        Raises:
            RoundUnusable: Too many people would have to be read by id, a property may be withheld, or a partition would
                become too large.
            SnapshotIncomplete: A partition of `base` is missing or damaged.
        """
        if not collector.items:
            return base, None
        body = await self.reader.open(tenant, base)
        count = len(body.partitions)
        draft, cleared = Draft(self.ids.new_attempt_id()), Cleared(base.cleared)
        numbers = collector.partitions(count)
        if collector.most(count) > MAX_PARTITION_ITEMS:
            raise RoundUnusable
        before = self.reader.required(tenant, body, numbers)
        for number in numbers:
            snapshot = await anext(before)
            async with cpu_slice():
                items, users = collector.take(number, count, keep=True), dict(snapshot.users)
                doubtful = merge(users, items)
                cleared.add(snapshot.users, users, items)
                draft.put(number, users)
                draft.compare(number, snapshot.users, users, doubtful)
            if draft.in_doubt > MAX_READ_BY_ID or len(users) > MAX_PARTITION_ITEMS:
                raise RoundUnusable
        if cleared.is_suspicious(base.users):
            raise RoundUnusable
        await draft.settle(settle)
        scarce = tuple(name for name in base.scarce if name not in cleared.gained)
        base = msgspec.structs.replace(base, scarce=scarce, cleared=cleared.numbers)
        entries, rows = list(body.partitions), dict[str, bytes]()
        for number, partition in draft.partitions.items():
            if partition.digest != entries[number].digest:
                entries[number], rows[partition.key(number)] = partition, draft.contents[number]
        if not rows:
            return base, None
        new = SnapshotBody.of(msgspec.structs.replace(base, attempt=draft.attempt), entries)
        return await self._stored(tenant, new, rows), draft.difference.users(new.manifest)

    async def built(
        self,
        tenant: TenantId,
        manifest: SnapshotManifest,
        collector: Collector,
        current: SnapshotManifest | None,
        settle: Settle,
        *,
        every_row: bool,
    ) -> Merged:
        """Return a snapshot of a complete listing, with the source and the conclusions of `manifest`.

        What contradicts the `current` snapshot is settled first, unless it concerns more than `MAX_READ_BY_ID` people.
        The collector then keeps its items, in case that `settle` fails.
        An unchanged snapshot is stored again only if `every_row` is.

        Raises:
            RoundUnusable: The listing itself leaves too many people in doubt.
            Conflict: Too many ids are in one range (`crowded_ids`).
        """
        count = partition_count(collector.items, current.partitions if current is not None else 0)
        while count < collector.size_bytes // _PARTITION_BYTES:
            count *= 2
        while collector.most(count) > MAX_PARTITION_ITEMS:
            if count == MAX_PARTITIONS:
                raise Conflict(_CROWDED, code="crowded_ids")
            count *= 2
        draft, visible = Draft(self.ids.new_attempt_id()), Visible()
        stored_users = current.users if current is not None else 0
        doubtful: dict[int, set[ObjectId]] = {}
        for number in range(count):
            async with cpu_slice():
                users = dict[ObjectId, DirectoryUser]()
                people = merge(users, collector.take(number, count, keep=current is not None), listing=True)
                visible = visible.after([user for user in users.values() if not user.only_id], stored_users)
                draft.put(number, users)
                if people:
                    doubtful[number] = people
        if sum(map(len, doubtful.values())) > MAX_READ_BY_ID:
            raise RoundUnusable
        compared = await self._compared(tenant, current, draft, doubtful, conclusive=manifest.conclusive)
        settled = Visible().after(await draft.settle(settle), 0)
        manifest = msgspec.structs.replace(
            manifest,
            attempt=draft.attempt,
            scarce=tuple(sorted(visible.scarce)) if visible.status else (),
            status_shown=visible.status or settled.status,
        )
        new = SnapshotBody.of(manifest, [draft.partitions[number] for number in range(count)])
        if current is not None and new.manifest.fingerprint == current.fingerprint and not every_row:
            return msgspec.structs.replace(current, cleared={}), None
        rows = {partition.key(number): draft.contents[number] for number, partition in draft.partitions.items()}
        changed = draft.difference.users(new.manifest) if compared and not every_row else None
        return await self._stored(tenant, new, rows), changed

    async def _compared(
        self,
        tenant: TenantId,
        current: SnapshotManifest | None,
        draft: Draft,
        doubtful: Mapping[int, set[ObjectId]],
        *,
        conclusive: bool,
    ) -> bool:
        """Compare a listing with the current snapshot. Return whether all differences of it are in the draft.

        Other conclusions concern all users, whether they differ or not.
        """
        try:
            if current is not None:
                async with aclosing(self._different(tenant, current, draft, doubtful)) as partitions:
                    async for number, before in partitions:
                        async with cpu_slice():
                            listed = draft.users(number)
                            different = contradictions(before, listed, conclusive=conclusive)
                            draft.compare(number, before, listed, different | doubtful.get(number, set()))
                        if draft.in_doubt > MAX_READ_BY_ID:
                            break
        except SnapshotIncomplete:
            current = None  # a damaged snapshot contradicts nothing
        if current is not None and draft.in_doubt <= MAX_READ_BY_ID:
            return current.conclusive == conclusive
        draft.forget()
        for number, people in doubtful.items():
            draft.compare(number, {}, draft.users(number), people)
        return False

    async def _different(
        self, tenant: TenantId, current: SnapshotManifest, draft: Draft, doubtful: Mapping[int, set[ObjectId]]
    ) -> AsyncGenerator[tuple[int, Mapping[ObjectId, DirectoryUser]]]:
        """Iterate over the users of the current snapshot in each partition of the draft that may differ from it."""
        body, count = await self.reader.open(tenant, current), len(draft.partitions)
        stored = len(body.partitions)
        numbers = [
            number
            for number in range(count)
            if count != stored
            or number in doubtful
            or draft.partitions[number].digest != body.partitions[number].digest
        ]
        finest = max(count, stored)
        parts = [number * finest // count + part for number in numbers for part in range(finest // count)]
        before = self.reader.partitions(tenant, body, parts, finest)
        for number in numbers:
            users = dict[ObjectId, DirectoryUser]()
            for _ in range(finest // count):
                snapshot = await anext(before)
                if snapshot is None:
                    raise SnapshotIncomplete(f"a partition of {current.source} is missing or damaged")
                users.update(snapshot.users)
            yield number, users

    async def _stored(self, tenant: TenantId, body: SnapshotBody, rows: Mapping[str, bytes]) -> SnapshotManifest:
        manifest = body.manifest
        await self.store.put(tenant, manifest.source, {**rows, manifest.body_key: body.content})
        return manifest
