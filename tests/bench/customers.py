"""Many tenants in one deployment: one is synced, and the state of the others is copied from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.domain.ids import LocationId, TenantId
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.recipient import Recipient
from shared.domain.reconcile.absence import EVERYONE
from shared.domain.reconcile.fence import Fence, JournalEntry
from shared.domain.run import Run, TenantState
from shared.domain.snapshots.snapshot import SnapshotManifest, scope_of
from shared.domain.versioned import Versioned
from shared.workflows.snapshots.cache import RecentResults
from shared.workflows.snapshots.reader import SnapshotReader
from tests.bench.crowd import Crowd
from tests.support.fakes import directories_of
from tests.support.world import World

_FULL: Final = Preferences(mode=Mode.FULL)
_PLACE: Final = LocationId("location-0")


async def connect(world: World, name: str, directory: Crowd, locations: int = 1) -> TenantId:
    """Create a tenant in full mode that reads this directory and was never synced."""
    directories = directories_of(world.ports)
    made = await world.tenant(name, [], _FULL, {f"location-{number}": [] for number in range(locations)})
    directory.azure_tenant_id = made.azure_tenant_id
    directories.by_azure_tenant[made.azure_tenant_id] = directory
    return TenantId(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """The stored result of a first sync of a tenant with one location, without its plan and jobs."""

    state: TenantState
    run: Run
    current: SnapshotManifest
    rows: Mapping[str, bytes]
    fence: Fence
    recipients: Sequence[Recipient]
    journal: JournalEntry

    @classmethod
    async def of(cls, world: World, tenant: TenantId) -> "Pattern":
        """Return the stored data of a tenant that was synced once."""
        ports = world.ports
        current = await ports.snapshots.find_current(tenant, EVERYONE)
        assert current is not None
        body = await SnapshotReader(ports.snapshots, RecentResults()).open(tenant, current)
        run = await world.newest(tenant)
        (entry,) = [each async for each in ports.recipients.list_journal(tenant, _PLACE, run.id)]
        return cls(
            state=(await ports.sync_states.get(tenant)).value,
            run=run,
            current=current,
            rows={key: row async for key, row in ports.snapshots.read(tenant, EVERYONE, sorted(body.keys))},
            fence=(await ports.recipients.get_fence(tenant, _PLACE)).value,
            recipients=[each async for each in ports.recipients.list_recipients(tenant, _PLACE)],
            journal=entry,
        )

    async def store(self, world: World, tenant: TenantId) -> None:
        """Store a connected tenant as if it had had the same first sync."""
        ports = world.ports
        connection = await ports.connections.find(tenant)
        assert connection is not None
        current = msgspec.structs.replace(self.current, scope=scope_of(connection.fingerprint))
        await ports.snapshots.put(tenant, EVERYONE, self.rows)
        await ports.snapshots.commit(tenant, current, self.state.fencing_token, sweep=False)
        await ports.recipients.write(tenant, _PLACE, self.recipients, self.journal, Versioned(self.fence, None))
        await ports.runs.insert(msgspec.structs.replace(self.run, tenant=tenant))
        await ports.sync_states.replace(tenant, self.state, None)


async def forget_run(world: World, tenant: TenantId, before: TenantState) -> None:
    """Store a tenant as free, healthy and as due as before, whatever the state of its run."""
    state, etag = await world.ports.sync_states.get(tenant)
    fencing_token = max(state.fencing_token, before.fencing_token)
    await world.ports.sync_states.replace(tenant, msgspec.structs.replace(before, fencing_token=fencing_token), etag)
    await world.ports.connections.delete_health(tenant)
