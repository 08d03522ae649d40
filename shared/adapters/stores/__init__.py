"""Table Storage: the stores of `shared.ports`, on azure-data-tables."""

from shared.adapters.stores.audit import TableAuditStore
from shared.adapters.stores.connections import TableConnectionStore
from shared.adapters.stores.erasures import TableErasureStore
from shared.adapters.stores.idempotency_keys import TableIdempotencyStore
from shared.adapters.stores.imports import TableImportStore
from shared.adapters.stores.named_keys import TableKeyStore
from shared.adapters.stores.operator_log import TableOperatorLog
from shared.adapters.stores.rate_limits import TableLimitStore
from shared.adapters.stores.recipients import TableRecipientStore
from shared.adapters.stores.runs import TableRunStore
from shared.adapters.stores.settings import TableSettingsStore
from shared.adapters.stores.snapshots import TableSnapshotStore
from shared.adapters.stores.sync_states import TableSyncStateStore
from shared.adapters.stores.tenants import TableTenantStore
from shared.adapters.stores.users import TableUserStore
from shared.adapters.tables.client import Tables

__all__ = [
    "TableAuditStore",
    "TableConnectionStore",
    "TableErasureStore",
    "TableIdempotencyStore",
    "TableImportStore",
    "TableKeyStore",
    "TableLimitStore",
    "TableOperatorLog",
    "TableRecipientStore",
    "TableRunStore",
    "TableSettingsStore",
    "TableSnapshotStore",
    "TableSyncStateStore",
    "TableTenantStore",
    "TableUserStore",
    "Tables",
]
