"""Erasing a tenant leaves nothing of it, and everything of a tenant whose id begins with its own."""

from typing import Any

from shared.adapters.stores import Tables, table_names
from shared.domain.access.tenants import TenantSummary
from shared.domain.connections.connection import SsoApplication
from shared.domain.directory import Source
from shared.domain.ids import SourceId, TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.preferences.preferences import Preferences
from shared.domain.reconcile.fence import Fence
from shared.domain.run import TenantState
from shared.domain.sync.jobs import FetchCheckpoint, FetchJob, ReconcileJob
from shared.domain.versioned import Versioned
from tests.support.builders import person, store_snapshot
from tests.support.samples import (
    LOCATION,
    NOW,
    RUN,
    Stores,
    a_run,
    an_import,
    connection,
    fetched,
    journal,
    plan,
    recipient,
    reconciled,
)

TABLES = (
    table_names.TENANTS,
    table_names.LOCATIONS,
    table_names.RECIPIENTS,
    table_names.SNAPSHOTS,
    table_names.RUNS,
    table_names.JOBS,
    table_names.LEDGER,
    table_names.IMPORTS,
    table_names.UPLOADS,
)
USERS = Source().id


async def test_nothing_is_left_of_the_tenant(stores: Stores, tenant: TenantId, neighbour: TenantId) -> None:
    """Through the ports, an erased tenant is as one that never was, and its neighbour as before."""
    for each in (tenant, neighbour):
        await _fill(stores, each)
    everything = await _seen(stores, neighbour)
    await _erase(stores, tenant)
    await _erase(stores, tenant)
    assert await _seen(stores, tenant) == await _seen(stores, TenantId(f"{tenant}-never"))
    assert await _seen(stores, neighbour) == everything


async def test_no_row_is_left_of_the_tenant(
    azurite_stores: Stores, tables: Tables, tenant: TenantId, neighbour: TenantId
) -> None:
    """In the tables themselves no row carries the erased tenant's id, and its neighbour lost none."""
    for each in (tenant, neighbour):
        await _fill(azurite_stores, each)
    before = await _rows_of(tables, neighbour)
    assert {table for table, _ in await _rows_of(tables, tenant)} == set(TABLES)
    await _erase(azurite_stores, tenant)
    assert await _rows_of(tables, tenant) == []
    assert await _rows_of(tables, neighbour) == before


async def _fill(stores: Stores, tenant: TenantId) -> None:
    """Store something of every kind."""
    await stores.tenants.put(TenantSummary(id=tenant, name="Contoso"))
    await stores.connections.put(tenant, connection())
    await stores.settings.put_sso(tenant, SsoApplication(client_id=person(1)))
    await stores.settings.put_preferences(tenant, Preferences())
    await stores.sync_states.replace(tenant, TenantState(fencing_token=1), None)
    await stores.settings.put_location(tenant, LOCATION, "Lobby")
    await stores.settings.put_mapping(tenant, LOCATION, [GroupMapping(id=person(1))])
    await stores.runs.insert(a_run(tenant))
    await stores.runs.insert_plan(plan(tenant))
    job = FetchJob(tenant=tenant, run=RUN, source=USERS)
    await stores.runs.save_checkpoint(job, FetchCheckpoint(next_cursor="l", pages=1))
    await stores.runs.record_fetch_result(job, fetched())
    await stores.runs.record_reconcile_result(ReconcileJob(tenant=tenant, run=RUN, location=LOCATION), reconciled())
    manifest = await store_snapshot(stores.snapshots, tenant, "a", source=USERS)
    await stores.snapshots.commit(tenant, manifest, 1)
    await stores.snapshots.put(tenant, SourceId("only-staged"), {"0000:a": b"partition"})
    import_ = an_import(tenant)
    await stores.imports.insert(import_)
    await stores.imports.put_part(import_.ref, 1, b"name")
    someone = recipient(1)
    await stores.recipients.write(tenant, LOCATION, [someone], journal(someone), Versioned(Fence(attempt="a"), None))
    await stores.operator_log.record(
        OperatorLogEntry(id=f"m-{tenant}", at=NOW, queue="q", code="c", detail="d", body="b", tenant=tenant)
    )


async def _erase(stores: Stores, tenant: TenantId) -> None:
    await stores.recipients.delete_all(tenant)
    await stores.snapshots.delete_all(tenant)
    await stores.runs.delete_all(tenant)
    await stores.imports.delete_all(tenant)
    await stores.operator_log.delete_all(tenant)
    await stores.tenants.delete_all(tenant)


async def _seen(stores: Stores, tenant: TenantId) -> dict[str, Any]:
    """Return all that the ports say about a tenant, but for ETags."""
    job = FetchJob(tenant=tenant, run=RUN, source=USERS)
    return {
        "tenants": [each.name async for each in stores.tenants.list_tenants() if each.id == tenant],
        "connected": [connected async for connected in stores.connections.list_connected() if connected.id == tenant],
        "connection": await stores.connections.find(tenant),
        "sso": await stores.settings.find_sso(tenant),
        "state": (await stores.sync_states.get(tenant)).value,
        "locations": await stores.settings.list_locations(tenant),
        "runs": [run.id async for run in stores.runs.list_runs(tenant)],
        "checkpoint": await stores.runs.find_checkpoint(job),
        "progress": await stores.runs.get_progress(tenant, RUN),
        "current": await stores.snapshots.find_current(tenant, USERS),
        "fence": (await stores.recipients.get_fence(tenant, LOCATION)).value,
        "recipients": [recipient async for recipient in stores.recipients.list_recipients(tenant, LOCATION)],
        "journal": [each async for each in stores.recipients.list_journal(tenant, LOCATION, RUN)],
        "imports": [import_.state async for import_ in stores.imports.list_imports(tenant)],
        "parts": await stores.imports.list_part_sizes(an_import(tenant).ref),
        "ledger": [entry.id async for entry in stores.operator_log.list_entries() if entry.tenant == tenant],
    }


async def _rows_of(tables: Tables, tenant: TenantId) -> list[tuple[str, dict[str, Any]]]:
    """Return every row, of any table, that belongs to a tenant by its key or its column."""
    found: list[tuple[str, dict[str, Any]]] = []
    for table in TABLES:
        rows = [dict(row) async for row in tables.query(table)]
        found += [
            (table, row)
            for row in rows
            if row["PartitionKey"].partition(":")[0] == tenant or row.get("tenant") == tenant
        ]
    return found
