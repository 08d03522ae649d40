"""Recipients, one partition per (tenant, location), each with its fence and its journal."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec
from azure.core import MatchConditions

from shared.adapters.tables import keys
from shared.adapters.tables.accounts import TenantTables
from shared.adapters.tables.edm import EncodedRow, encode
from shared.adapters.tables.names import RECIPIENTS
from shared.adapters.tables.packing import pack, unpack
from shared.adapters.tables.pages import Kind
from shared.domain.ids import LocationId, ObjectId, RecipientId, RunId, TenantId
from shared.domain.recipient import ChangeKind, Counts, Origin, Profile, Recipient, Status
from shared.errors import NotFound, Rejected
from shared.ports import MAX_BATCH_RECIPIENTS, Fence, Irregular, JournalEntry, Versioned
from shared.turns import turn

_COUNTS: Final = Counts.__struct_fields__


class _Row(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """A person's row as it is read: the profile, and what stands beside it. What a row lacks is read as null."""

    key: str = msgspec.field(name="RowKey")
    origin: Origin
    status: Status
    object_id: ObjectId | None = None
    reason: str | None = None
    applied: str | None = None
    groups: str | None = None
    aliases: str | None = None
    display_name: str | None = None
    given_name: str | None = None
    surname: str | None = None
    mail: str | None = None
    mobile_phone: str | None = None
    business_phone: str | None = None
    department: str | None = None
    job_title: str | None = None
    office_location: str | None = None
    employee_id: str | None = None
    employee_type: str | None = None
    company_name: str | None = None
    manager_name: str | None = None
    manager_mail: str | None = None


_ROWS: Final = Kind(_Row)
#: What is read of a row.
COLUMNS: Final = _ROWS.columns
_PREFIX: Final = len(keys.RECIPIENTS[0])
_ENCODER: Final = msgspec.json.Encoder()
_NOTHING: Final = b"{}"


class TableRecipientStore:
    """`RecipientStore` on the table Recipients. A person's row is readable: a property per field, absent if unknown."""

    def __init__(self, accounts: TenantTables) -> None:
        self._accounts = accounts

    async def fence(self, tenant: TenantId, location: LocationId) -> Versioned[Fence]:
        """Return a location's fence; a fresh one with ETag None if nothing was ever written there."""
        tables = await self._accounts.of(tenant)
        row: Any = await tables.find(RECIPIENTS, keys.location(tenant, location), keys.FENCE)
        if row is None:
            return Versioned(Fence(), None)
        return Versioned(unpack(row, Fence), str(row.metadata["etag"]))

    async def swap_fence(self, tenant: TenantId, location: LocationId, fence: Fence, etag: str | None) -> str:
        """Replace the fence alone and return its new ETag. Raises: Conflict if it changed since it was read."""
        tables = await self._accounts.of(tenant)
        return await tables.swap(RECIPIENTS, _fence_row(keys.location(tenant, location), fence), etag)

    async def irregular(self, tenant: TenantId, location: LocationId) -> Irregular | None:
        """Return what was last put, None if nothing was."""
        tables = await self._accounts.of(tenant)
        row = await tables.find(RECIPIENTS, keys.location(tenant, location), keys.IRREGULAR)
        return None if row is None else unpack(row, Irregular)

    async def put_irregular(self, tenant: TenantId, location: LocationId, irregular: Irregular) -> None:
        """Store it in the place of what was there."""
        row = {"PartitionKey": keys.location(tenant, location), "RowKey": keys.IRREGULAR, **pack(irregular)}
        await (await self._accounts.of(tenant)).put(RECIPIENTS, row)

    async def read(self, tenant: TenantId, location: LocationId, *, start: str = "") -> AsyncIterator[Recipient]:
        """Iterate over the recipients of a location by id, from the id `start` on."""
        tables = await self._accounts.of(tenant)
        partition = keys.location(tenant, location)
        rows = (keys.RECIPIENTS[0] + start, keys.RECIPIENTS[1])
        async for page in tables.read(RECIPIENTS, _ROWS, partition=partition, rows=rows):
            async with turn():
                found = list(map(_recipient_of, page))
            for recipient in found:
                yield recipient

    async def get(self, tenant: TenantId, location: LocationId, recipient: RecipientId) -> Recipient:
        """Return one recipient. Raises: NotFound."""
        tables = await self._accounts.of(tenant)
        row = await tables.find(RECIPIENTS, keys.location(tenant, location), keys.recipient(recipient))
        if row is None:
            raise NotFound(f"Location {location!r} has no recipient {recipient!r}.", code="recipient_not_found")
        return _recipient_of(msgspec.convert(dict(row), _Row))

    async def write(
        self,
        tenant: TenantId,
        location: LocationId,
        recipients: Sequence[Recipient],
        journal: JournalEntry,
        fence: Versioned[Fence],
    ) -> str:
        """Write at most `MAX_BATCH_RECIPIENTS`, their journal and the fence in one batch, all or nothing.

        Returns the fence's new ETag. Raises: Conflict if the fence changed since it was read; Transient if it is not
        known whether the batch was committed (the fence's `attempt` and `operation` then tell); TooLarge if nothing
        was written because it is more than fits one batch.
        """
        tables = await self._accounts.of(tenant)
        if len(recipients) > MAX_BATCH_RECIPIENTS:
            raise Rejected(
                f"{len(recipients)} recipients exceed the {MAX_BATCH_RECIPIENTS} of a batch.", code="batch_too_large"
            )
        partition = keys.location(tenant, location)
        fence_row = _fence_row(partition, fence.value)
        fenced: tuple[Any, ...]
        if fence.etag is None:
            fenced = ("create", fence_row)
        else:
            condition = {"mode": "replace", "etag": fence.etag, "match_condition": MatchConditions.IfNotModified}
            fenced = ("update", fence_row, condition)
        counts = msgspec.structs.asdict(Counts.of(journal.changes))
        entry = {
            "PartitionKey": partition,
            "RowKey": keys.journal(journal.run, fence.value.generation, fence.value.attempt, fence.value.operation),
            **counts,
            **pack(journal),
        }
        # what is new is inserted: it must not be there yet, and the service need not look for something to replace
        created = {change.recipient for change in journal.changes if change.kind is ChangeKind.CREATED}
        rows = [
            ("create", encoded(partition, each))
            if each.id in created
            else ("upsert", encoded(partition, each), {"mode": "replace"})
            for each in recipients
        ]
        return await tables.transact(RECIPIENTS, [fenced, ("create", entry), *rows])

    async def journal_counts(self, tenant: TenantId, location: LocationId, run: RunId) -> Counts:
        """Return what a run has changed at a location so far, over all its attempts."""
        tables = await self._accounts.of(tenant)
        total = Counts()
        partition = keys.location(tenant, location)
        rows = tables.query(RECIPIENTS, partition=partition, rows=keys.journal_range(run), select=list(_COUNTS))
        async for row in rows:
            total += Counts(**{name: row[name] for name in _COUNTS})
        return total

    async def journal(self, tenant: TenantId, location: LocationId, run: RunId) -> AsyncIterator[JournalEntry]:
        """Iterate over what a run has changed at a location, in the order of writing."""
        tables = await self._accounts.of(tenant)
        partition = keys.location(tenant, location)
        found = tables.query(RECIPIENTS, partition=partition, rows=keys.journal_range(run))
        entries = [(row["RowKey"], unpack(row, JournalEntry)) async for row in found]
        for _, entry in sorted(entries, key=lambda each: (each[1].at, each[0])):
            yield entry

    async def deactivated_by(self, tenant: TenantId, location: LocationId, run: RunId) -> AsyncIterator[RecipientId]:
        """Iterate over whom a run has deactivated at a location so far; in no order, and not all held at once."""
        tables = await self._accounts.of(tenant)
        partition = keys.location(tenant, location)
        async for row in tables.query(RECIPIENTS, partition=partition, rows=keys.journal_range(run)):
            if row["deactivated"]:
                for change in unpack(row, JournalEntry).changes:
                    if change.kind is ChangeKind.DEACTIVATED and change.recipient is not None:
                        yield change.recipient

    async def touched_after(self, tenant: TenantId, location: LocationId, run: RunId) -> set[RecipientId]:
        """Return whom any run that was asked for after this one has changed at a location."""
        tables = await self._accounts.of(tenant)
        partition = keys.location(tenant, location)
        found = tables.query(RECIPIENTS, partition=partition, rows=keys.journal_after(run))
        return {
            change.recipient
            async for row in found
            for change in unpack(row, JournalEntry).changes
            if change.recipient is not None
        }

    async def erase(self, tenant: TenantId, location: LocationId) -> None:
        """Delete every row of the location's partition."""
        tables = await self._accounts.of(tenant)
        await tables.erase(RECIPIENTS, partition=keys.location(tenant, location))

    async def erase_all(self, tenant: TenantId) -> None:
        """Delete every row of all locations of the tenant."""
        tables = await self._accounts.of(tenant)
        await tables.erase(RECIPIENTS, partitions=keys.tenant_range(tenant))


def _fence_row(partition: str, fence: Fence) -> dict[str, Any]:
    return {"PartitionKey": partition, "RowKey": keys.FENCE, "generation": fence.generation, **pack(fence)}


def row_of(partition: str, recipient: Recipient) -> dict[str, Any]:
    """Return the row that a recipient is stored as."""
    row: dict[str, Any] = {
        "PartitionKey": partition,
        "RowKey": keys.recipient(recipient.id),
        "origin": recipient.origin.value,
        "status": recipient.status.value,
        **msgspec.to_builtins(recipient.profile),  # what is not known is left out
    }
    if recipient.profile.aliases:
        row["aliases"] = " ".join(recipient.profile.aliases)
    if recipient.groups:
        row["groups"] = " ".join(recipient.groups)
    if recipient.object_id is not None:
        row["objectId"] = recipient.object_id
    if recipient.reason is not None:
        row["reason"] = recipient.reason
    if recipient.applied is None:
        row["applied"] = ""
    elif recipient.applied != recipient.profile:
        row["applied"] = msgspec.json.encode(recipient.applied).decode()
    return row


class _Beside(msgspec.Struct, omit_defaults=True, rename="camel", gc=False):
    """What a person's row holds beside the profile."""

    partition: str = msgspec.field(name="PartitionKey")
    key: str = msgspec.field(name="RowKey")
    origin: Origin
    status: Status
    object_id: ObjectId | None = None
    reason: str | None = None
    groups: str | None = None
    aliases: str | None = None


def encoded(partition: str, recipient: Recipient) -> EncodedRow:
    """Return what `edm.encode` makes of `row_of`: two structs put together, at a quarter of the CPU."""
    profile, key = recipient.profile, keys.recipient(recipient.id)
    if recipient.applied is not profile and recipient.applied != profile:
        return EncodedRow(key, encode(row_of(partition, recipient)))
    beside = _Beside(partition, key, recipient.origin, recipient.status, recipient.object_id, recipient.reason)
    if recipient.groups:
        beside.groups = " ".join(recipient.groups)
    if profile.aliases:
        beside.aliases = " ".join(profile.aliases)
        profile = msgspec.structs.replace(profile, aliases=())
    try:
        first, second = _ENCODER.encode(beside), _ENCODER.encode(profile)
    except UnicodeEncodeError:
        return EncodedRow(key, encode(row_of(partition, recipient)))
    return EncodedRow(key, first if second == _NOTHING else first[:-1] + b"," + second[1:])


def _recipient_of(row: _Row) -> Recipient:
    """Build a recipient. `applied` is absent where it equals the profile, which spares most rows most of their size."""
    profile = Profile(  # one by one: anything more general takes as long again as reading the row
        display_name=row.display_name,
        given_name=row.given_name,
        surname=row.surname,
        mail=row.mail,
        mobile_phone=row.mobile_phone,
        business_phone=row.business_phone,
        department=row.department,
        job_title=row.job_title,
        office_location=row.office_location,
        employee_id=row.employee_id,
        employee_type=row.employee_type,
        company_name=row.company_name,
        manager_name=row.manager_name,
        manager_mail=row.manager_mail,
        aliases=tuple(row.aliases.split()) if row.aliases else (),
    )
    applied: Profile | None = profile
    if row.applied is not None:
        applied = msgspec.json.decode(row.applied, type=Profile) if row.applied else None
    return Recipient(
        id=RecipientId(row.key[_PREFIX:]),
        origin=row.origin,
        status=row.status,
        profile=profile,
        object_id=row.object_id,
        applied=applied,
        reason=row.reason,
        groups=tuple(map(ObjectId, row.groups.split())) if row.groups else (),
    )
