"""Limits that the platform documents or this repository sets. The bounds and the simulation use them."""

import json
from dataclasses import dataclass
from typing import Final

from infra.local.stack.child import ROOT

#: Source: https://learn.microsoft.com/azure/storage/tables/scalability-targets
PARTITION_ROWS_S: Final = 2_000.0
ACCOUNT_ROWS_S: Final = 20_000.0
#: Source: https://learn.microsoft.com/azure/storage/queues/scalability-targets
QUEUE_MESSAGES_S: Final = 2_000.0
#: Resource units per app and tenant with more than 500 users: 8,000 in 10 s.
#: Source: https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits
GRAPH_UNITS_S: Final = 800.0
#: Users per page. Source: https://learn.microsoft.com/graph/api/user-list
GRAPH_PAGE_USERS: Final = 999
#: Secret reads per vault: 4,000 in 10 s.
#: Source: https://learn.microsoft.com/azure/key-vault/general/service-limits
VAULT_READS_S: Final = 400.0
#: Default maximum of instances per app (`maximumInstanceCount`, up to 1,000). An instance has one core and 2,048 MB.
#: A subscription has 512,000 MB per region. Every queue function has its own instances.
#: Source: https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan
INSTANCES: Final = 100
INSTANCE_CORES: Final = 1.0
INSTANCE_GB: Final = 2.0
INSTANCE_BYTES: Final = 2_048 * 1024 * 1024
#: Shortest billed activity of an instance, in seconds. Source: as above.
BILLED_AT_LEAST_S: Final = 1.0
#: Step to which longer activity is rounded up, in seconds. Source: as above.
BILLED_STEP_S: Final = 0.1
#: Time after which a job continues in a new message, by default, in seconds: 60 % of `JOB_BUDGET_S`.
JOB_S: Final = 0.6 * 120
#: Default deadline of a run, in seconds; see `shared/settings.py`.
DEADLINE_S: Final = 6 * 3_600.0
#: Recipients per write batch; see `shared/domain/reconcile/write_batches.py`.
BATCH_PEOPLE: Final = 98
#: Rows per write batch: the recipients, the fence and the journal entry.
BATCH_ROWS: Final = 100

_HOST: Final = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
_QUEUES: Final = _HOST["extensions"]["queues"]
#: Messages of one queue that an instance processes concurrently. Source: host.json
IN_FLIGHT: Final[int] = _QUEUES["batchSize"] + _QUEUES["newBatchThreshold"]
#: Longest execution, in seconds. Source: host.json
TIMEOUT_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one scenario. Tests and what-if scenarios change some of them."""

    partition_rows_s: float = PARTITION_ROWS_S
    account_rows_s: float = ACCOUNT_ROWS_S
    #: Number of storage accounts over which tenants are spread.
    accounts: int = 1
    queue_messages_s: float = QUEUE_MESSAGES_S
    graph_units_s: float = GRAPH_UNITS_S
    vault_reads_s: float = VAULT_READS_S
    instances: int = INSTANCES
    cores: float = INSTANCE_CORES
    in_flight: int = IN_FLIGHT
    job_s: float = JOB_S
    deadline_s: float = DEADLINE_S
