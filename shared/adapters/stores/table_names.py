"""Names of the tables in the storage account."""

from typing import Final

TENANTS: Final = "Tenants"
LOCATIONS: Final = "Locations"
RECIPIENTS: Final = "Recipients"
SNAPSHOTS: Final = "Snapshots"
RUNS: Final = "Runs"
JOBS: Final = "Jobs"
LEDGER: Final = "Ledger"
LIMITS: Final = "Limits"
USERS: Final = "Users"
IDEMPOTENCY_KEYS: Final = "IdempotencyKeys"
IMPORTS: Final = "Imports"
UPLOADS: Final = "Uploads"
AUDIT: Final = "Audit"

ALL_TABLES: Final = (
    TENANTS,
    LOCATIONS,
    RECIPIENTS,
    SNAPSHOTS,
    RUNS,
    JOBS,
    LEDGER,
    LIMITS,
    USERS,
    IDEMPOTENCY_KEYS,
    IMPORTS,
    UPLOADS,
    AUDIT,
)
