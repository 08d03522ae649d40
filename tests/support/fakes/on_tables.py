"""A deployment whose stores are the real ones, on a Table service in memory."""

import dataclasses

from shared.adapters.stores import (
    TableAuditStore,
    TableConnectionStore,
    TableErasureStore,
    TableIdempotencyStore,
    TableImportStore,
    TableKeyStore,
    TableLimitStore,
    TableOperatorLog,
    TableRecipientStore,
    TableRunStore,
    Tables,
    TableSettingsStore,
    TableSnapshotStore,
    TableSyncStateStore,
    TableTenantStore,
    TableUserStore,
)
from shared.bootstrap import Ports
from tests.support.fakes import fake_ports


def ports_on(tables: Tables) -> Ports:
    """Return fake ports with the real stores."""
    return dataclasses.replace(
        fake_ports(),
        tenants=TableTenantStore(tables),
        connections=TableConnectionStore(tables),
        settings=TableSettingsStore(tables),
        sync_states=TableSyncStateStore(tables),
        runs=TableRunStore(tables),
        snapshots=TableSnapshotStore(tables),
        recipients=TableRecipientStore(tables),
        imports=TableImportStore(tables),
        operator_log=TableOperatorLog(tables),
        audit=TableAuditStore(tables),
        erasures=TableErasureStore(tables),
        limits=TableLimitStore(tables),
        keys=TableKeyStore(tables),
        users=TableUserStore(tables),
        idempotency=TableIdempotencyStore(tables),
    )
