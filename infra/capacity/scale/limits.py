"""What the platform documents and this repository sets: every limit that the bounds and the simulation go by."""

import json
from dataclasses import dataclass
from typing import Final

from infra.local.stack.child import ROOT

#: Source: https://learn.microsoft.com/azure/storage/tables/scalability-targets
PARTITION_ROWS_S: Final = 2_000.0
ACCOUNT_ROWS_S: Final = 20_000.0
#: Source: https://learn.microsoft.com/azure/storage/queues/scalability-targets
QUEUE_MESSAGES_S: Final = 2_000.0
#: Resource units of one app and tenant of more than 500 users, 8,000 in 10 s.
#: Source: https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits
GRAPH_UNITS_S: Final = 800.0
#: Users on a page. Source: https://learn.microsoft.com/graph/api/user-list
GRAPH_PAGE_USERS: Final = 999
#: Reads of secrets of one vault, 4,000 in 10 s.
#: Source: https://learn.microsoft.com/azure/key-vault/general/service-limits
VAULT_READS_S: Final = 400.0
#: Instances of an app unless it is set otherwise (`maximumInstanceCount`, up to 1,000), 2,048 MB and one core each; a
#: subscription has 512,000 MB in a region. Every queue function has instances of its own.
#: Source: https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan
INSTANCES: Final = 100
INSTANCE_CORES: Final = 1.0
INSTANCE_GB: Final = 2.0
INSTANCE_BYTES: Final = 2_048 * 1024 * 1024
#: Shortest activity of an instance that is billed, and the step in which longer ones are, in seconds. Source: as above.
BILLED_AT_LEAST_S: Final = 1.0
BILLED_STEP_S: Final = 0.1
#: What `shared/settings.py` and `shared/domain/sync/jobs.py` set unless told otherwise, in seconds.
JOB_S: Final = 0.6 * 120
DEADLINE_S: Final = 6 * 3_600.0
#: Rows of a batch that are recipients, and what stands beside them; see `shared/domain/reconcile/write_batches.py`.
BATCH_PEOPLE: Final = 98
BATCH_ROWS: Final = 100

_HOST: Final = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
_QUEUES: Final = _HOST["extensions"]["queues"]
#: Messages of one queue that an instance works on at once. Source: host.json
IN_FLIGHT: Final[int] = _QUEUES["batchSize"] + _QUEUES["newBatchThreshold"]
#: Longest execution, in seconds. Source: host.json
TIMEOUT_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits that a scenario goes by; tests and what-ifs change some of them."""

    partition_rows_s: float = PARTITION_ROWS_S
    account_rows_s: float = ACCOUNT_ROWS_S
    #: Storage accounts over which tenants are spread.
    accounts: int = 1
    queue_messages_s: float = QUEUE_MESSAGES_S
    graph_units_s: float = GRAPH_UNITS_S
    vault_reads_s: float = VAULT_READS_S
    instances: int = INSTANCES
    cores: float = INSTANCE_CORES
    in_flight: int = IN_FLIGHT
    job_s: float = JOB_S
    deadline_s: float = DEADLINE_S
