"""Show mapping: every location with its mapped groups, their numbers of members and their problems."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from shared.domain.directory import Group
from shared.domain.ids import LocationId, ObjectId, SourceId, TenantId
from shared.domain.problem import Problem
from shared.domain.run import RunKind
from shared.errors import NeedsAttention, NotFound, Transient
from shared.ports.platform import Clock
from shared.ports.runs import RunStore
from shared.ports.snapshots import SnapshotStore
from shared.ports.tenants import SettingsStore, SyncStateStore, TenantStore
from shared.workflows.connections.directory_access import DirectoryAccess
from shared.workflows.verified_read import verified

#: Maximum number of groups whose names are requested together; further groups are shown by id.
_NAMED_GROUPS: Final = 300
#: Maximum number of groups whose sizes are requested concurrently.
_AT_ONCE: Final = 16


class MappedGroup(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A group that is mapped to a location."""

    id: ObjectId
    transitive: bool
    #: Live name in the directory; None if the group does not exist or the directory cannot be queried.
    display_name: str | None
    #: Number of members when the group was last read completely; None if it never was.
    members: int | None
    #: Why the last sync could not read the group; None if it could, or before the first sync.
    problem: Problem | None
    #: Since when the directory refuses the group; None if it does not.
    refused_since: datetime | None
    #: Whether it has been refused for so long that it can be unmapped in one step.
    can_be_unmapped: bool


class MappedLocation(msgspec.Struct, frozen=True, kw_only=True):
    """A location with its mapped groups."""

    id: LocationId
    name: str
    groups: tuple[MappedGroup, ...]


class ShowMapping(msgspec.Struct, frozen=True, kw_only=True):
    """Combines configured mappings with snapshot sizes, problems of the last sync and live group names."""

    tenants: TenantStore
    settings: SettingsStore
    runs: RunStore
    snapshots: SnapshotStore
    sync_states: SyncStateStore
    access: DirectoryAccess
    clock: Clock

    async def __call__(self, tenant: TenantId) -> list[MappedLocation]:
        """Return the tenant's locations with their groups. Raises NotFound if the tenant does not exist."""
        locations = await verified(self.tenants.get(tenant), self.settings.list_locations(tenant))
        mapped = {mapping.source().id: mapping.id for location in locations for mapping in location.groups}
        names, members, problems, (state, _) = await asyncio.gather(
            self._names(tenant, sorted(set(mapped.values()))),
            self._members(tenant, mapped),
            self._problems(tenant),
            self.sync_states.get(tenant),
        )
        unread, now = state.unread, self.clock.now()
        return [
            MappedLocation(
                id=location.id,
                name=location.name,
                groups=tuple(
                    MappedGroup(
                        id=mapping.id,
                        transitive=mapping.transitive,
                        display_name=names.get(mapping.id),
                        members=members[mapping.source().id],
                        problem=problems.get(mapping.source().subject),
                        refused_since=refused.refused_since if refused is not None else None,
                        can_be_unmapped=refused is not None and refused.can_be_unmapped(now),
                    )
                    for mapping in location.groups
                    for refused in (unread.get(mapping.source().id),)
                ),
            )
            for location in locations
        ]

    async def find_groups(self, tenant: TenantId, search: str) -> list[Group]:
        """Return the groups of the tenant's directory that match the search, for the portal's group picker.

        Raises:
            NotFound: The tenant does not exist, or its connection is off.
            NeedsAttention: The directory refuses the connection.
            Transient: The directory did not respond.
        """
        async with self.access.open(tenant) as directory:
            return list(await directory.find_groups(search))

    async def _names(self, tenant: TenantId, groups: Sequence[ObjectId]) -> Mapping[ObjectId, str]:
        if not groups:
            return {}
        try:
            async with self.access.open(tenant) as directory:
                named_groups = await directory.groups_by_id(groups[:_NAMED_GROUPS])
        except (NeedsAttention, NotFound, Transient):
            return {}
        return {group.id: group.display_name for group in named_groups}

    async def _members(self, tenant: TenantId, sources: Iterable[SourceId]) -> Mapping[SourceId, int | None]:
        slots = asyncio.Semaphore(_AT_ONCE)

        async def number(source: SourceId) -> tuple[SourceId, int | None]:
            async with slots:
                manifest = await self.snapshots.find_current(tenant, source)
            return source, manifest.users if manifest is not None else None

        return dict(await asyncio.gather(*map(number, sources)))

    async def _problems(self, tenant: TenantId) -> Mapping[str, Problem]:
        """Return the problems of the last ended sync, by what they concern."""
        async for run in self.runs.list_runs(tenant):
            if run.kind is RunKind.SYNC and not run.preview and run.state.ended:
                return {problem.concerns: problem for problem in run.problems}
        return {}
