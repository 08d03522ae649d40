"""Table Storage: the stores of `shared.ports`, on azure-data-tables."""

from shared.adapters.tables.client import Tables
from shared.adapters.tables.imports import TableImportStore
from shared.adapters.tables.ledger import TableLedger
from shared.adapters.tables.rate_limits import TableLimitStore
from shared.adapters.tables.recipients import TableRecipientStore
from shared.adapters.tables.runs import TableRunStore
from shared.adapters.tables.snapshots import TableSnapshotStore
from shared.adapters.tables.tenants import TableTenantStore
from shared.adapters.tables.users import TableUserStore
from shared.adapters.tables.uses import TableUseStore

__all__ = [
    "TableImportStore",
    "TableLedger",
    "TableLimitStore",
    "TableRecipientStore",
    "TableRunStore",
    "TableSnapshotStore",
    "TableTenantStore",
    "TableUseStore",
    "TableUserStore",
    "Tables",
]
