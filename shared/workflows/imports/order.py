"""Order of imports: those of a location run one after another, by numbers assigned at their starts.

Numbers need no counter. A start stores a number above all others, then lists them again, and takes a higher one until
its own is the highest. Of two concurrent starts, the one that stores its final number later sees the other's.
"""

from datetime import timedelta
from typing import Final

import msgspec

from shared.domain.ids import LocationId, TenantId
from shared.domain.imports.import_record import Import, ImportMark, ImportState, Outcome, failure
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.versioned import Versioned
from shared.errors import Conflict, ETagConflict, Transient
from shared.ports.imports import ImportStore
from shared.ports.platform import Clock
from shared.ports.recipients import RecipientStore

#: Wait before an import looks again whether it is its turn, in seconds.
_WAIT_S: Final = 30.0
#: Age at which a waiting import is stored again, so that the watchdog does not take its message for lost.
_ALIVE_AFTER: Final = timedelta(minutes=5)
_SUPERSEDED: Final = failure(
    "superseded", "A newer file that overwrites the location was started before this import had begun."
)


class ImportOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers the imports of a location and lets them run in this order."""

    imports: ImportStore
    recipients: RecipientStore
    clock: Clock

    async def enter(self, stored: Versioned[Import]) -> Versioned[Import]:
        """Give a started import its final number, unless it has one, and return it.

        At its first start it also gets the position after which people's changes are newer than its file. Raises
        ETagConflict if the import changed since it was read.
        """
        own, etag = stored
        if own.is_numbered:
            return stored
        while True:
            others = [mark for mark in await self._started(own.tenant, own.location) if mark.ref != own.ref]
            last = max((_place(other) for other in others), default=(0, ""))
            if own.number and last < (own.number, own.id):
                break
            own = msgspec.structs.replace(own, number=last[0] + 1)
            etag = await self.imports.replace(own, etag)
        if own.since is None:
            fence = (await self.recipients.get_fence(own.tenant, own.location)).value
            running = tuple(other.run for other in others if other.state.is_running and other.run is not None)
            own = msgspec.structs.replace(own, since=(fence.fencing_token, fence.sequence), older=running)
        own = msgspec.structs.replace(own, is_numbered=True)
        return Versioned(own, await self.imports.replace(own, etag))

    async def await_turn(self, waiting: Versioned[Import]) -> Outcome | None:
        """Return None if it is the import's turn, or its outcome if a newer one has taken its place.

        An import that has begun keeps its turn. Raises Transient while an older one has not ended.
        """
        own = waiting.value
        if own.begun:
            return None
        others = [mark for mark in await self._started(own.tenant, own.location) if mark.ref != own.ref]
        newer = [other for other in others if _place(other) > (own.number, own.id)]
        if any(other.mode is ImportMode.OVERWRITE and other.state is not ImportState.FAILED for other in newer):
            return _SUPERSEDED
        if any(other.state.is_running and other not in newer for other in others):
            await self._stay_alive(waiting)
            raise Transient(
                "An earlier import of the location has not ended.", code="import_waits", retry_after_s=_WAIT_S
            )
        return None

    async def require_last(self, tenant: TenantId, location: LocationId) -> None:
        """Raise Conflict if an import of the location was started and has not ended (`import_active`)."""
        if any(mark.state.is_running for mark in await self._started(tenant, location)):
            raise Conflict(
                "An uploaded file is being imported into this location. Wait until its import ends, then try again.",
                code="import_active",
            )

    async def _started(self, tenant: TenantId, location: LocationId) -> list[ImportMark]:
        """Return the imports of a location that have a number, or were started by an earlier version of the app."""
        marks = self.imports.list_imports(tenant, location)
        return [mark async for mark in marks if mark.number or mark.state.is_running]

    async def _stay_alive(self, waiting: Versioned[Import]) -> None:
        now = self.clock.now()
        if now - waiting.value.at >= _ALIVE_AFTER:
            try:
                await self.imports.replace(msgspec.structs.replace(waiting.value, at=now), waiting.etag)
            except ETagConflict:
                return  # another delivery has done it


def _place(mark: ImportMark) -> tuple[int, str]:
    """Return the place of an import in the order. While two have the same number, their ids decide."""
    return mark.number, mark.ref.id
