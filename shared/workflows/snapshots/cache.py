"""Cutting: snapshots as they are compared, read once for all jobs of a worker that need them at the same time.

The locations of a customer in full mode are compared with the same snapshot, several of them in one worker.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakKeyDictionary, WeakValueDictionary

from shared.domain.ids import TenantId
from shared.domain.reconcile.decide import Decision
from shared.domain.snapshots.partitions import Cuts, CutSnapshot, Cutter
from shared.domain.snapshots.snapshot import SnapshotManifest
from shared.ports.snapshots import SnapshotStore
from shared.runtime.fair_scheduler import cpu_slice

_Key = tuple[TenantId, SnapshotManifest, int]
#: Parts of a snapshot that are remembered: so far may one job be ahead of another.
_REMEMBERED: Final = 16


class CutSnapshots:
    """Reads snapshots; what somebody has at this moment is not read again."""

    def __init__(self, snapshots: SnapshotStore) -> None:
        self._snapshots: Final = snapshots
        #: What was decided about parts of them.
        self.first: Final = FirstDecisions()
        #: By tenant, reference and number of parts. A reference names its content by a hash, so it cannot change.
        self._known: Final[dict[_Key, CutSnapshot]] = {}
        self._readers: Final[Counter[_Key]] = Counter()
        self._reading: Final[WeakValueDictionary[_Key, asyncio.Lock]] = WeakValueDictionary()

    @asynccontextmanager
    async def opened(self, tenant: TenantId, ref: SnapshotManifest, cuts: Cuts) -> AsyncIterator[CutSnapshot]:
        """Give a snapshot of the tenant's in parts, until the context ends.

        Raises: Conflict if its pages are not all there, unchanged.
        """
        key = tenant, ref, cuts.count
        async with self._reading.setdefault(key, asyncio.Lock()):
            if key not in self._known:
                self._known[key] = await self._read(tenant, ref, cuts)
            self._readers[key] += 1
        try:
            yield self._known[key]
        finally:
            self._readers[key] -= 1
            if not self._readers[key]:
                del self._readers[key]
                await _free(self._known.pop(key))

    async def _read(self, tenant: TenantId, ref: SnapshotManifest, cuts: Cuts) -> CutSnapshot:
        cutter = Cutter(ref, cuts)
        async for page in self._snapshots.list_pages(tenant, ref):
            async with cpu_slice():
                cutter.add(page)
        return cutter.verified()


async def _free(snapshot: CutSnapshot) -> None:
    """Free what nobody has any more, part by part: all at once, it would keep the event loop for 20 ms."""
    left = True
    while left:
        async with cpu_slice():
            left = snapshot.free_some()


class FirstDecisions:
    """Remembers decisions as long as somebody has the snapshot that they are about, and then forgets them with it."""

    def __init__(self) -> None:
        self._known: Final[WeakKeyDictionary[CutSnapshot, OrderedDict[Hashable, Decision]]] = WeakKeyDictionary()

    def of(self, snapshot: CutSnapshot, key: Hashable, decide: Callable[[], Decision]) -> Decision:
        """Return what was decided about this part of a snapshot, or what is decided now.

        `key` tells the part, and all that a decision depends on besides the snapshot.
        """
        known = self._known.setdefault(snapshot, OrderedDict())
        found = known.get(key)
        if found is None:
            found = known[key] = decide()
            if len(known) > _REMEMBERED:
                known.popitem(last=False)
        return found
