"""Table Storage: the stores of `shared.ports`, on azure-data-tables."""

from shared.adapters.stores.idempotency_keys import TableIdempotencyStore
from shared.adapters.stores.imports import TableImportStore
from shared.adapters.stores.operator_log import TableOperatorLog
from shared.adapters.stores.rate_limits import TableLimitStore
from shared.adapters.stores.recipients import TableRecipientStore
from shared.adapters.stores.runs import TableRunStore
from shared.adapters.stores.snapshots import TableSnapshotStore
from shared.adapters.stores.tenants import TableTenantStore
from shared.adapters.stores.users import TableUserStore
from shared.adapters.tables.client import Tables

__all__ = [
    "TableIdempotencyStore",
    "TableImportStore",
    "TableLimitStore",
    "TableOperatorLog",
    "TableRecipientStore",
    "TableRunStore",
    "TableSnapshotStore",
    "TableTenantStore",
    "TableUserStore",
    "Tables",
]
