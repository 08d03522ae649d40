"""Recent losses: unconfirmed deactivations of the last day and week, for the guard."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final, NamedTuple

import msgspec

from shared.domain.ids import LocationId, RunId, TenantId
from shared.domain.recipient import Counts
from shared.domain.run import Run, RunKind
from shared.ports.platform import Clock
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore

_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)


class Recent(NamedTuple):
    """Number of earlier deactivations at a location in the last 24 hours and 7 days."""

    day: int = 0
    week: int = 0


class RecentLosses(msgspec.Struct, frozen=True, kw_only=True):
    """Counts the deactivations that no person has decided on.

    Those of syncs and imports count, also of superseded ones. Manual edits, undo and approved sets do not count. A
    reactivation takes one off.
    """

    runs: RunStore
    recipients: RecipientStore
    clock: Clock

    async def count(
        self, tenant: TenantId, locations: Collection[LocationId], run: RunId | None
    ) -> Mapping[LocationId, Recent]:
        """Return the numbers for each location, without those of `run`, which counts its own."""
        now = self.clock.now()
        listed = self.runs.list_runs(tenant, since=now - _WEEK, whole=True)
        recent = [other async for other in listed if other.id != run]
        windows = {_DAY: _Window(), _WEEK: _Window()}
        unconfirmed = {other.id for other in recent if _is_unconfirmed(other)}
        for other in reversed(recent):
            if other.preview:
                continue
            counts = await self._counts(other, locations)
            for length, window in windows.items():
                if other.requested_at >= now - length:
                    window.add(other, counts, unconfirmed)
        day, week = windows[_DAY].net, windows[_WEEK].net
        return {location: Recent(day[location], week[location]) for location in locations}

    async def _counts(self, run: Run, locations: Collection[LocationId]) -> Mapping[LocationId, Counts]:
        """Return the changes of a run; from its journal if it has ended without a report, or not ended yet."""
        if run.locations and run.state.ended:
            return {location: report.counts for location, report in run.locations.items()}
        return {
            location: await self.recipients.get_journal_counts(run.tenant, location, run.id) for location in locations
        }


class _Window:
    """Counts of one period, which are added from the oldest run to the newest."""

    def __init__(self) -> None:
        #: Unconfirmed deactivations less reactivations.
        self.net: Counter[LocationId] = Counter()
        #: Recipients that were deactivated by edits and not yet reactivated by edits.
        self._edited: Counter[LocationId] = Counter()

    def add(self, run: Run, counts: Mapping[LocationId, Counts], unconfirmed: Collection[RunId]) -> None:
        """Add the changes of a run."""
        for location, changed in counts.items():
            returned = changed.reactivated
            if run.kind is RunKind.EDIT:
                own = min(returned, self._edited[location])
                self._edited[location] += changed.deactivated - own
                returned -= own
            elif run.kind is RunKind.UNDO and run.undoes not in unconfirmed:
                returned = 0  # it reverts deactivations that do not count, or no longer
            gone = changed.deactivated if run.id in unconfirmed else 0
            self.net[location] = max(0, self.net[location] + gone - returned)


def _is_unconfirmed(run: Run) -> bool:
    return run.kind in {RunKind.SYNC, RunKind.IMPORT} and run.decision is None and not run.preview
