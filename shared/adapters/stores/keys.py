"""Every partition and row key, built here and nowhere else, from ids that `shared.domain.ids` has validated.

A tenant's or location's id contains no `:`, so keys joined with it cannot collide, and the range from `tenant:` to
`tenant;` (the next character) is exactly the tenant's.
"""

from hashlib import sha256
from typing import Final

from shared.domain.ids import ImportId, LocationId, RecipientId, RunId, SourceId, TenantId
from shared.domain.imports.large_import import ImportRef
from shared.domain.snapshots.snapshot import SnapshotManifest

FENCE: Final = "!fence"
IRREGULAR: Final = "!irregular"
CURRENT: Final = "!current"
PLAN: Final = "plan"
#: The partition of deletions, which no tenant's id can be.
DELETIONS: Final = "!deletions"
#: The partition of where tenants are, and the one of the accounts that they may be in, likewise.
PLACEMENTS: Final = "!placements"
ACCOUNTS: Final = "!accounts"


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
    """Return the first partition key of a tenant's joined keys, and the first one after them."""
    return f"{tenant}:", f"{tenant};"


def tenants_behind(tenant: str) -> tuple[str, str]:
    """Return the range of partitions of all tenants whose ids sort behind one."""
    return f"{tenant}!", "~"  # ids are of a-z, 0-9 and -, which all lie between the two


def deletion(tenant: TenantId) -> str:
    """Return the row of a tenant's deletion, which is not in the tenant's own partition."""
    return f"deletion:{tenant}"


def placement(tenant: TenantId) -> str:
    """Return the row of which account a tenant's tables are in; it outlives the tenant."""
    return f"placement:{tenant}"


def account(name: str) -> str:
    """Return the row of since when tenants may be in a further storage account."""
    return f"account:{name}"


def recipient(recipient: RecipientId) -> str:
    """Return the row of a recipient."""
    return f"r:{recipient}"


#: The range of all recipients within a location's partition.
RECIPIENTS: Final = ("r:", "r;")


def journal(run: RunId, fencing_token: int, attempt: str, operation: int) -> str:
    """Return the row of one batch's changes; one attempt's rows sort in the order of writing."""
    return f"!journal:{run}:{fencing_token:010d}:{attempt}:{operation:08d}"


def journal_range(run: RunId) -> tuple[str, str]:
    """Return the range of a run's journal within a location's partition."""
    return f"!journal:{run}:", f"!journal:{run};"


def journal_after(run: RunId) -> tuple[str, str]:
    """Return the range of the journals of later runs, which sort before an earlier one's."""
    return "!journal:", f"!journal:{run}:"


def page_range(ref: SnapshotManifest) -> tuple[str, str]:
    """Return the range of the rows of a snapshot's pages, which are their page_keys, within a source's partition.

    Where it has pages of several attempts, pages that are not its own lie between them.
    """
    if ref.page_keys:
        return ref.page_keys[0], f"{ref.page_keys[-1]}!"
    return f"{ref.attempt}:", f"{ref.attempt};"


def fetched(source: SourceId) -> str:
    """Return the row of a fetch job's result."""
    return f"fetch:{source}"


def reconciled(location: LocationId) -> str:
    """Return the row of a reconcile job's result."""
    return f"reconcile:{location}"


def checkpoint(source: SourceId) -> str:
    """Return the row of where a fetch goes on."""
    return f"checkpoint:{source}"


def held(location: LocationId) -> str:
    """Return the row of whose deactivation waits at a location."""
    return f"held:{location}"


def more(row: str, number: int) -> str:
    """Return the row that holds the next part of a value too large for `row`; it sorts directly behind it."""
    return f"{row}!{number:02d}"


def more_range(row: str) -> tuple[str, str]:
    """Return the range of a row and the further parts of its value."""
    return row, f"{row}!~"


def is_more(row: str) -> bool:
    """Whether a row holds but a further part of the value of the row before it."""
    return "!" in row


#: The ranges of the results of each kind within a run's partition.
HELD: Final = ("held:", "held;")
FETCHED: Final = ("fetch:", "fetch;")
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
    """Return the row that says which pieces a part of a file has."""
    return f"part:{number:05d}"


#: The range of these rows within an upload's partition.
PARTS: Final = ("part:", "part;")


def piece(number: int, attempt: str, index: int) -> str:
    """Return the row of a piece of a part, as an attempt at sending it has stored it."""
    return f"piece:{number:05d}:{attempt}:{index:02d}"


def piece_range(number: int, attempt: str | None = None) -> tuple[str, str]:
    """Return the range of the pieces of a part, of one attempt or of all."""
    begin = f"piece:{number:05d}" if attempt is None else f"piece:{number:05d}:{attempt}"
    return f"{begin}:", f"{begin};"


def limit(key: str) -> str:
    """Return the partition of a rate limit's key, which names a caller or a target."""
    return sha256(key.encode()).hexdigest()


def ledger(entry: str) -> str:
    """Return the row of a ledger entry, whose id may be any text that a queue gave."""
    return sha256(entry.encode()).hexdigest()
