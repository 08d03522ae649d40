"""Cutting: snapshots as they are compared, read once for all jobs of a worker that need them at the same time.

The locations of a customer in full mode are compared with the same snapshot, several of them in one worker.
"""

import asyncio
from typing import Final
from weakref import WeakValueDictionary

from shared.domain.ids import TenantId
from shared.domain.parts import Cuts, CutSnapshot, Cutter
from shared.domain.snapshot import SnapshotRef
from shared.first_decisions import FirstDecisions
from shared.ports import SnapshotStore
from shared.turns import turn

_Key = tuple[TenantId, SnapshotRef, int]


class CutSnapshots:
    """Reads snapshots; what somebody has at this moment is not read again."""

    def __init__(self, snapshots: SnapshotStore) -> None:
        self._snapshots: Final = snapshots
        #: What was decided about parts of them.
        self.first: Final = FirstDecisions()
        #: By tenant, reference and number of parts. A reference names its content by a hash, so it cannot change.
        self._known: WeakValueDictionary[_Key, CutSnapshot] = WeakValueDictionary()
        self._reading: WeakValueDictionary[_Key, asyncio.Lock] = WeakValueDictionary()

    async def get(self, tenant: TenantId, ref: SnapshotRef, cuts: Cuts) -> CutSnapshot:
        """Return a snapshot of the tenant's in parts. Raises: Conflict if its pages are not all there, unchanged."""
        key = tenant, ref, cuts.count
        async with self._reading.setdefault(key, asyncio.Lock()):
            found = self._known.get(key)
            if found is None:
                found = self._known[key] = await self._read(tenant, ref, cuts)
            return found

    async def _read(self, tenant: TenantId, ref: SnapshotRef, cuts: Cuts) -> CutSnapshot:
        cutter = Cutter(ref, cuts)
        async for page in self._snapshots.pages(tenant, ref):
            async with turn():
                cutter.add(page)
        return cutter.verified()
