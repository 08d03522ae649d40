"""Erases a person from one row at a time, by the table that the row is in."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import msgspec
from isal import isal_zlib

from shared.adapters.stores import keys, table_names
from shared.adapters.stores.imports import TableImportStore
from shared.adapters.stores.recipient_rows import stored_recipient
from shared.adapters.stores.runs import Held, TableRunStore
from shared.adapters.stores.tenant_rows import etag_of
from shared.adapters.tables.client import Entity, Tables
from shared.adapters.tables.packing import join, pack, pack_rows, unpack, unpack_rows
from shared.domain.access.callers import Admins
from shared.domain.access.idempotency import IdempotencyRecord
from shared.domain.access.sso_users import ProductUser
from shared.domain.connections.connection_health import Health
from shared.domain.erasure.erasure import Erasure
from shared.domain.erasure.person import Person
from shared.domain.erasure.values import without
from shared.domain.ids import RunId, TenantId
from shared.domain.imports.import_record import Import, ImportRef
from shared.domain.operations.audit import AuditEntry
from shared.domain.operations.operator_log import ROW, OperatorLogEntry
from shared.domain.optimistic_locking import Part
from shared.domain.preferences.preferences import Preferences
from shared.domain.reconcile.fence import JournalEntry
from shared.domain.reconcile.guard import digest
from shared.domain.run import Plan, Run
from shared.domain.sync.jobs import ExistenceAnswers, FetchCheckpoint, FetchResult, ReconcileResult
from shared.errors import Conflict, NotFound

#: Types of the packed values of a tenant's settings, by row key.
_SETTINGS: Final[Mapping[str, type]] = {
    Part.ADMINS.value: Admins,
    Part.PREFERENCES.value: Preferences,
    keys.HEALTH: Health,
}
#: Types of the packed values of jobs, by the beginning of the row key.
_JOBS: Final[Mapping[str, type]] = {
    keys.PLAN: Plan,
    keys.FETCHED[0]: FetchResult,
    keys.RECONCILED[0]: ReconcileResult,
    keys.CHECKPOINTS: FetchCheckpoint,
    keys.ANSWERS: ExistenceAnswers,
    keys.HELD[0]: Held,
}
#: Types that can quote values of rows of a file.
_QUOTING: Final = frozenset({Import, Run})
#: Number of bytes of a part that are looked at again together with the next one: longer than any value.
_OVERLAP: Final = 4_096


class Found(NamedTuple):
    """What was erased with one row."""

    rows: int = 0
    #: Whether the whole partition was deleted.
    is_whole: bool = False
    files: tuple[ImportRef, ...] = ()


class ErasedRows:
    """Erases a person from rows of a tenant."""

    def __init__(self, first: Tables, tables: Tables, tenant: TenantId, person: Person) -> None:
        self._first = first
        #: The tables of the tenant's account.
        self.tables = tables
        self._tenant = tenant
        self._person = person
        #: Partitions of files whose imports exist.
        self._imported: set[str] = set()

    async def erase(self, table: str, row: Entity) -> Found:
        """Erase the person from a row. Raises ETagConflict if it changed since it was read."""
        handlers = {
            table_names.RECIPIENTS: self._journal,
            table_names.SNAPSHOTS: self._snapshot,
            table_names.RUNS: self._run,
            table_names.JOBS: self._job,
            table_names.IMPORTS: self._import,
            table_names.UPLOADS: self._upload,
            table_names.USERS: self._user,
            table_names.TENANTS: self._setting,
            table_names.IDEMPOTENCY_KEYS: self._answer,
            table_names.LEDGER: self._entry,
            table_names.AUDIT: self._audited,
        }
        return await handlers[table](row)

    async def _journal(self, row: Entity) -> Found:
        if row["RowKey"].startswith(keys.RECIPIENTS[0]):
            stored_recipient(row)  # those of the person are deleted under the fence, if they can be read
        kind = JournalEntry if row["RowKey"].startswith(keys.JOURNALS[0]) else None
        return await self._packed(self.tables, table_names.RECIPIENTS, row, kind)

    async def _run(self, row: Entity) -> Found:
        return await self._packed(self.tables, table_names.RUNS, row, Run)

    async def _setting(self, row: Entity) -> Found:
        if row["RowKey"].startswith(keys.ERASURES[0]):
            return await self._erasure(row)
        return await self._packed(self._first, table_names.TENANTS, row, _SETTINGS.get(row["RowKey"]))

    async def _erasure(self, row: Entity) -> Found:
        """Erase the person as the one who asked for the erasure of another."""
        erasure = unpack(row, Erasure)
        by = self._person.without_ids(erasure.by)
        if by == erasure.by or erasure.person == self._person:  # the latter is this one, which ends without the person
            return Found()
        after = msgspec.structs.replace(erasure, by=by)
        await self._first.replace(table_names.TENANTS, _repacked(row, pack(after)), etag_of(row))
        return Found(1)

    async def _packed(self, tables: Tables, table: str, row: Entity, kind: type | None) -> Found:
        """Replace a row by one whose packed value does not name the person.

        Most rows are not decoded: their bytes contain neither an id nor an address of the person. Imports and runs are,
        because their problems can quote a part of a name.
        """
        if kind is None or not (kind in _QUOTING or self._person.is_in(_plain(row))):
            return Found()
        value: Any = unpack(row, kind)
        after = without(value, self._person)
        if after == value:
            return Found()
        await tables.replace(table, _repacked(row, pack(after)), etag_of(row))
        return Found(1)

    async def _snapshot(self, row: Entity) -> Found:
        """Delete all rows of the source if one names the person: the next sync then reads the source in full."""
        if not self._person.is_in(_plain(row)):
            return Found()
        await self.tables.delete_rows(table_names.SNAPSHOTS, partition=row["PartitionKey"])
        return Found(1, is_whole=True)

    async def _job(self, row: Entity) -> Found:
        """Replace a value that jobs have stored, in as many rows as it needs."""
        name, partition = row["RowKey"], row["PartitionKey"]
        kind = next((kind for prefix, kind in _JOBS.items() if name.startswith(prefix)), None)
        if kind is None or keys.is_more(name):
            return Found()
        rows = [row]
        if row.get("rows", 1) > 1:
            query = self.tables.query(table_names.JOBS, partition=partition, rows=keys.more_range(name))
            rows = [part async for part in query]
        value: Any = unpack_rows(rows, kind)
        after = without(value, self._person)
        if after == value:
            return Found()
        if isinstance(after, Held):
            await self._hold_again(RunId(partition.partition(":")[2]), after)
        packed = pack_rows(after)
        if "rows" in row:
            packed[0]["rows"] = len(packed)
        await self._replace_all(rows, packed)
        return Found(1)

    async def _replace_all(self, rows: Sequence[Entity], packed: Sequence[Mapping[str, Any]]) -> None:
        head, *more = rows
        partition, name = head["PartitionKey"], head["RowKey"]
        operations: list[tuple[Any, ...]] = [
            ("update", _repacked(head, packed[0]), {"mode": "replace", "etag": etag_of(head)})
        ]
        for number, part in enumerate(packed[1:], start=1):
            entity = {"PartitionKey": partition, "RowKey": keys.more(name, number), **part}
            operations.append(("upsert", entity, {"mode": "replace"}))
        left = more[len(packed) - 1 :]
        operations += [("delete", {"PartitionKey": partition, "RowKey": row["RowKey"]}) for row in left]
        await self.tables.transact(table_names.JOBS, operations)

    async def _hold_again(self, run: RunId, changed: Held) -> None:
        """Give a held run the digest of what it holds without the person: an approval of the earlier set is refused.

        This comes before the held set is changed, so that no moment has the new set with the earlier digest.
        """
        runs = TableRunStore(self.tables)
        with suppress(NotFound):
            stored, etag = await runs.get(self._tenant, run)
            if stored.held_digest is None:
                return
            held = {**await runs.list_held(self._tenant, run), changed.location: changed.people}
            reports = dict(stored.locations)
            if changed.location in reports:
                report = reports[changed.location]
                reports[changed.location] = msgspec.structs.replace(report, held=len(changed.people))
            people = ((location, person) for location, people in held.items() for person in people)
            await runs.replace(msgspec.structs.replace(stored, held_digest=digest(people), locations=reports), etag)

    async def _import(self, row: Entity) -> Found:
        found = await self._packed(self._first, table_names.IMPORTS, row, Import)
        stored = unpack(row, Import)
        is_named = stored.state.has_file and await self._is_in_file(stored.ref)
        return Found(found.rows, files=(stored.ref,) if is_named else ())

    async def _is_in_file(self, ref: ImportRef) -> bool:
        """Return whether the parts of a file that were uploaded so far name the person."""
        files, tail = TableImportStore(self._first, self.tables), b""
        for number in sorted(await files.list_part_sizes(ref)):
            try:
                content = tail + await files.get_part(ref, number)
            except (NotFound, Conflict):
                return True  # it is being replaced, by what is not known
            if await asyncio.to_thread(self._person.is_in_file, content):
                return True
            tail = content[-_OVERLAP:]
        return False

    async def _upload(self, row: Entity) -> Found:
        """Delete the file of an import that does not exist any more: a part was stored late, and its worker died."""
        partition = row["PartitionKey"]
        if partition in self._imported:
            return Found()
        tenant, _, name = partition.partition(":")
        if await self._first.find(table_names.IMPORTS, tenant, name) is not None:
            self._imported.add(partition)
            return Found()
        await self.tables.delete_rows(table_names.UPLOADS, partition=partition)
        return Found(1, is_whole=True)

    async def _user(self, row: Entity) -> Found:
        user = unpack(row, ProductUser)
        if not self._person.includes(None, user.object_id) and not self._person.has_address(user.mail):
            return await self._packed(self.tables, table_names.USERS, row, ProductUser)
        await self.tables.delete(table_names.USERS, row["PartitionKey"], row["RowKey"])
        return Found(1)

    async def _answer(self, row: Entity) -> Found:
        """Delete the record of a key whose answer names the person."""
        answer = unpack(row, IdempotencyRecord).answer
        if answer is None or not self._person.is_in(answer):
            return Found()
        await self._first.delete(table_names.IDEMPOTENCY_KEYS, row["PartitionKey"], row["RowKey"])
        return Found(1)

    async def _entry(self, row: Entity) -> Found:
        """Change an entry of the operator log, or delete it if it is about a row of the person."""
        if row.get("tenant", "") not in {"", self._tenant}:
            return Found()
        entry = unpack(row, OperatorLogEntry)
        if not entry.names(self._tenant):
            return Found()
        if entry.queue == ROW and without(entry, self._person).id != entry.id:
            await self._first.delete(table_names.LEDGER, row["PartitionKey"], row["RowKey"])
            return Found(1)
        return await self._packed(self._first, table_names.LEDGER, row, OperatorLogEntry)

    async def _audited(self, row: Entity) -> Found:
        """Put a mark in place of the ids in an entry of the audit log, if it is of the tenant."""
        if "action" not in row:  # an outcome, or the mark of a deletion
            return Found()
        if row["PartitionKey"] == keys.OPERATOR and unpack(row, AuditEntry).subject.get("tenant") != self._tenant:
            return Found()
        return await self._packed(self._first, table_names.AUDIT, row, AuditEntry)


def _repacked(row: Entity, packed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a row with another packed value."""
    kept = {name: value for name, value in row.items() if not (name[0] == "p" and name[1:].isdecimal())}
    return {**kept, **packed}


def _plain(row: Entity) -> bytes:
    """Return the content of a row, decompressed if it is compressed."""
    content = join(row)
    try:
        return isal_zlib.decompress(content)
    except isal_zlib.error:  # type: ignore[misc] # wrong stub
        return content
