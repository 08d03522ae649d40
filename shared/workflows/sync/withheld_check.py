"""Withheld check: makes a source unreadable if its directory answered with null for what the app may no longer read."""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from shared.domain.counted import counted
from shared.domain.directory import Source
from shared.domain.ids import TenantId
from shared.domain.problem import ErrorCategory, Problem
from shared.domain.run import Plan
from shared.domain.snapshots.snapshot import SnapshotManifest
from shared.domain.snapshots.withheld import MANAGER, WithheldJudgement
from shared.domain.sync.jobs import FetchOutcome, FetchResult
from shared.errors import SnapshotIncomplete
from shared.ports.snapshots import SnapshotStore
from shared.runtime.fair_scheduler import cpu_slice
from shared.workflows.snapshots.reader import stored_partitions

#: Codes of the problems. Clients and the portal offer to accept the second one.
STATUS_WITHHELD: Final = "account_status_withheld"
PROPERTIES_WITHHELD: Final = "properties_withheld"


class WithheldCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Judges what was read of a whole source."""

    snapshots: SnapshotStore

    async def __call__(self, plan: Plan, stored: SnapshotManifest | None, result: FetchResult) -> FetchResult:
        """Return the result, or a failed one if the directory withholds what it showed before.

        The snapshots are read again only if a listing shows of few people what it showed of many before.
        """
        source, listed = plan.sources[result.source], result.snapshot
        if listed is None or source.by_id or not listed.users:
            return result
        if not listed.status_shown:
            return _failed(source, result, _status_withheld(source, listed))
        suspects = frozenset(listed.scarce) - frozenset(stored.scarce if stored is not None else ())
        if not plan.preferences.attributes.manager:
            suspects -= {MANAGER}
        withheld = await self._withheld(plan.tenant, listed, stored, suspects) if stored is not None else {}
        if withheld.keys() - set(plan.accepted.get(source.subject, ())):
            return _failed(source, result, _properties_withheld(source, withheld))
        return result

    async def _withheld(
        self, tenant: TenantId, listed: SnapshotManifest, stored: SnapshotManifest, suspects: Collection[str]
    ) -> Mapping[str, int]:
        if not suspects:
            return {}
        judgement = WithheldJudgement(suspects, stored.cleared)
        async for part in stored_partitions(self.snapshots, tenant, listed):
            async with cpu_slice():
                judgement.add_listed(list(part.users.values()))
        try:
            async for part in stored_partitions(self.snapshots, tenant, stored):
                async with cpu_slice():
                    judgement.add_stored(list(part.users.values()))
        except SnapshotIncomplete:
            return {}  # there is nothing left to compare with
        return judgement.withheld()


def _failed(source: Source, result: FetchResult, problem: Problem) -> FetchResult:
    return FetchResult(
        source=source.id,
        outcome=FetchOutcome.FAILED,
        problem=problem,
        directory_requests=result.directory_requests,
        storage_requests=result.storage_requests,
    )


def _status_withheld(source: Source, listed: SnapshotManifest) -> Problem:
    detail = (
        f"The directory shows for none of {listed.users} people whether the account is enabled, so nothing was "
        "changed. Grant the application permission to read users in full, with admin consent."
    )
    return Problem(concerns=source.subject, code=STATUS_WITHHELD, detail=detail, category=ErrorCategory.PERMISSION)


def _properties_withheld(source: Source, withheld: Mapping[str, int]) -> Problem:
    had = ", ".join(f"{name} ({counted(people, 'person', 'people')})" for name, people in sorted(withheld.items()))
    detail = (
        f"The directory no longer shows a value that people had: {had}. Nothing was changed. If a permission was "
        "narrowed, grant it again. If these values were really cleared, accept this."
    )
    return Problem(
        concerns=source.subject,
        code=PROPERTIES_WITHHELD,
        detail=detail,
        category=ErrorCategory.PERMISSION,
        properties=tuple(sorted(withheld)),
    )
