"""All partition and row keys of the stores, built from ids that `shared.domain.ids` has validated.

Ids of tenants and locations do not contain `:`, so keys joined with it cannot collide. The range from `tenant:` to
`tenant;` (the next character) contains exactly the keys of the tenant.
"""

from datetime import datetime
from hashlib import sha256
from typing import Final

from shared.domain.ids import (
    MAIN,
    ImportId,
    KeyName,
    LocationId,
    ObjectId,
    RecipientId,
    RunId,
    SourceId,
    TenantId,
    newest_first,
    recipient_id_of,
)
from shared.domain.imports.import_record import ImportRef

#: Partition of the operator log.
LEDGER_ENTRIES: Final = "ledger"
#: Partition of the audit log's entries that belong to no tenant.
OPERATOR: Final = "!operator"
FENCE: Final = "!fence"
CURRENT: Final = "!current"
PLAN: Final = "plan"
REPEATS: Final = "repeats"
#: Partition of the tombstones of deleted tenants. A tenant's id never begins with `!`.
DELETIONS: Final = "!deletions"
#: Partition of the Key Vault entries that are new or replaced.
SECRETS: Final = "!secrets"
#: Partition and row of the round of the retention.
RETENTION: Final = "!retention"
#: Partition of the placements of tenants.
PLACEMENTS: Final = "!placements"
#: Partition of the named keys.
NAMED_KEYS: Final = "!keys"
#: Partition of the registered storage accounts.
ACCOUNTS: Final = "!accounts"
#: Partition and row of the row by whose time the clock of storage is read.
CLOCK: Final = "!clock"
#: Partition and row of the pause of all tenants.
PAUSE: Final = "!pause"


def location(tenant: TenantId, location: LocationId) -> str:
    """Return the partition of a location's recipients."""
    return f"{tenant}:{location}"


def source(tenant: TenantId, source: SourceId) -> str:
    """Return the partition of a source's snapshots."""
    return f"{tenant}:{source}"


def run(tenant: TenantId, run: RunId) -> str:
    """Return the partition of a run's jobs."""
    return f"{tenant}:{run}"


def tenant_range(tenant: TenantId) -> tuple[str, str]:
    """Return the range of a tenant's joined partition keys: the first key, and the first key after them."""
    return f"{tenant}:", f"{tenant};"


def tenants_behind(tenant: str) -> tuple[str, str]:
    """Return the range of the partitions of all tenants whose ids sort after an id."""
    return f"{tenant}!", "~"  # the characters of ids, a-z, 0-9 and -, sort between the two


def deletion(tenant: TenantId) -> str:
    """Return the row of a tenant's tombstone. It never occurs in the tenant's own partition."""
    return f"deletion:{tenant}"


def secret(tenant: TenantId, name: str) -> str:
    """Return the row of a Key Vault entry, which outlives the tenant's own partition."""
    return f"secret:{tenant}:{name}"


def secret_range(tenant: TenantId) -> tuple[str, str]:
    """Return the range of a tenant's Key Vault entries."""
    return f"secret:{tenant}:", f"secret:{tenant};"


def manual(run: RunId) -> str:
    """Return the row of a manual change that is being written."""
    return f"manual:{run}"


#: Row of the health of a tenant's connection.
HEALTH: Final = "health"


def erasure(name: str) -> str:
    """Return the row of the erasure of a person."""
    return f"erasure:{name}"


#: Range of the erasures within a tenant's partition.
ERASURES: Final = ("erasure:", "erasure;")
#: Range of the manual changes within a tenant's partition.
MANUAL: Final = ("manual:", "manual;")


def placement(tenant: TenantId) -> str:
    """Return the row of a tenant's placement, which outlives the tenant."""
    return f"placement:{tenant}"


def account(name: str) -> str:
    """Return the row of a registered storage account."""
    return f"account:{name}"


def named_key(name: KeyName) -> str:
    """Return the row of a named key."""
    return f"key:{name}"


def named_keys_behind(name: str) -> tuple[str, str]:
    """Return the range of the rows of named keys whose names sort after a name; of all keys after an empty one."""
    return f"key:{name}!", "key;"  # the characters of names, a-z, 0-9 and -, sort between the two


def recipient(recipient: RecipientId) -> str:
    """Return the row of a recipient."""
    return f"r:{recipient}"


#: The range of all recipients within a location's partition.
RECIPIENTS: Final = ("r:", "r;")


def journal(run: RunId, fencing_token: int, attempt: str, operation: int) -> str:
    """Return the row of the journal of one batch. The rows of one attempt sort in the order of writing."""
    return f"!journal:{run}:{fencing_token:010d}:{attempt}:{operation:08d}"


def journal_range(run: RunId) -> tuple[str, str]:
    """Return the range of a run's journal within a location's partition."""
    return f"!journal:{run}:", f"!journal:{run};"


def journals_before(at: datetime) -> tuple[str, str]:
    """Return the range of the journals of the runs requested before a time."""
    return f"!journal:{newest_first(at)}", JOURNALS[1]


def journals_since(at: datetime) -> tuple[str, str]:
    """Return the range of the journals of the runs requested at a time or later."""
    return JOURNALS[0], f"!journal:{newest_first(at)};"


def run_of(journal: str) -> RunId:
    """Return the run in the row key of a journal."""
    return RunId(journal.split(":")[1])


def runs_before(tenant: TenantId, at: datetime) -> tuple[str, str]:
    """Return the range of the partitions of the jobs of a tenant's runs requested before a time."""
    return f"{tenant}:{newest_first(at)}", f"{tenant};"


def journal_after(run: RunId) -> tuple[str, str]:
    """Return the range of the journals of all later runs, which sort before that of this run."""
    return JOURNALS[0], f"!journal:{run}:"


#: Range of the journals of all runs within a location's partition.
JOURNALS: Final = ("!journal:", "!journal;")


def token_of(journal: str) -> int:
    """Return the fencing token in the row key of a journal."""
    return int(journal.split(":")[2])


def fetched(source: SourceId) -> str:
    """Return the row of a fetch job's result."""
    return f"fetch:{source}"


def reconciled(location: LocationId) -> str:
    """Return the row of a reconcile job's result."""
    return f"reconcile:{location}"


#: Beginning of the rows of checkpoints, and of the answers of existence checks.
CHECKPOINTS: Final = "checkpoint:"
ANSWERS: Final = "answers:"


def checkpoint(source: SourceId) -> str:
    """Return the row of a fetch job's checkpoint."""
    return f"{CHECKPOINTS}{source}"


def answers(attempt: str) -> str:
    """Return the row of the answers of an interrupted existence check."""
    return f"{ANSWERS}{attempt}"


def held(location: LocationId) -> str:
    """Return the row of the held deactivations of a location."""
    return f"held:{location}"


def more(row: str, number: int) -> str:
    """Return the row of a further part of a value that is too large for `row`. It sorts directly after that row."""
    return f"{row}!{number:02d}"


def more_range(row: str) -> tuple[str, str]:
    """Return the range of a row and of the further parts of its value."""
    return row, f"{row}!~"


def is_more(row: str) -> bool:
    """Return whether a row contains a further part of the value of an earlier row."""
    return "!" in row


#: Range of the held deactivations within a run's partition.
HELD: Final = ("held:", "held;")
#: Range of the results of fetch jobs.
FETCHED: Final = ("fetch:", "fetch;")
#: Range of the results of reconcile jobs.
RECONCILED: Final = ("reconcile:", "reconcile;")


def imported(location: LocationId, import_: ImportId) -> str:
    """Return the row of an import within the tenant's partition."""
    return f"{location}:{import_}"


def imported_range(location: LocationId) -> tuple[str, str]:
    """Return the range of a location's imports within the tenant's partition."""
    return f"{location}:", f"{location};"


def upload(ref: ImportRef) -> str:
    """Return the partition of the parts of an import's file."""
    return f"{ref.tenant}:{ref.location}:{ref.id}"


def upload_range(tenant: TenantId, location: LocationId) -> tuple[str, str]:
    """Return the range of the partitions of a location's files."""
    return f"{tenant}:{location}:", f"{tenant}:{location};"


def part(number: int) -> str:
    """Return the row that names the pieces of a part of a file."""
    return f"part:{number:05d}"


#: Range of the parts within an upload's partition.
PARTS: Final = ("part:", "part;")


def piece(number: int, attempt: str, index: int) -> str:
    """Return the row of a piece of a part, as stored by one attempt to upload the part."""
    return f"piece:{number:05d}:{attempt}:{index:02d}"


def piece_range(number: int, attempt: str | None = None) -> tuple[str, str]:
    """Return the range of the pieces of a part, of one attempt or of all attempts."""
    begin = f"piece:{number:05d}" if attempt is None else f"piece:{number:05d}:{attempt}"
    return f"{begin}:", f"{begin};"


def user(person: ObjectId) -> str:
    """Return the row of a user of the product: the id that a recipient of the same person has."""
    return recipient_id_of(MAIN, person)


def limit(key: str) -> str:
    """Return the partition of a rate limit's key: a hash, because the key contains ids of a caller or a target."""
    return sha256(key.encode()).hexdigest()


#: The range of the audit log's entries, and of their outcomes, within a partition.
AUDITED: Final = ("0", ":")


def outcome(entry: str) -> str:
    """Return the row of the outcome of an entry of the audit log. It sorts directly after the entry."""
    return f"{entry}!outcome"


def after_entry(entry: str) -> str:
    """Return what sorts directly after an entry of the audit log and its outcome."""
    return f"{entry}!~"


def deleting(entry: str) -> str:
    """Return the row that marks an entry of the audit log as one that deletes the tenant."""
    return f"deleting:{entry}"


#: Range of these marks within a tenant's partition.
DELETING: Final = ("deleting:", "deleting;")


def logged_id(entry: str, queue: str) -> str:
    """Return the name of a log entry: hashes, because the id of a queue message can be any text."""
    return f"{sha256(entry.encode()).hexdigest()}-{sha256(queue.encode()).hexdigest()[:16]}"


def logged_ids(entry: str) -> tuple[str, str]:
    """Return the range of the names of the log entries with an id, of all queues."""
    begin = sha256(entry.encode()).hexdigest()
    return f"{begin}-", f"{begin}."


def logged(at: datetime, name: str) -> str:
    """Return the row of a log entry by its `logged_id`. Newer entries sort first."""
    return f"t:{newest_first(at)}:{name}"


def logged_before(at: datetime) -> tuple[str, str]:
    """Return the range of the log entries before a time."""
    return f"t:{newest_first(at)};", LOGGED[1]


def logged_id_of(row: str) -> str:
    """Return the name in the row key of a log entry."""
    return row.rpartition(":")[2]


#: Range of the log entries.
LOGGED: Final = ("t:", "t;")
#: Range of the log entries of earlier versions of the app, whose row keys are hashes.
LOGGED_EARLIER: Final = ("0", "g")
