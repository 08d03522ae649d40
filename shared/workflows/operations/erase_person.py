"""Erase person: removes one person from everything that is stored of a tenant, in bounded steps.

The intention is stored first, with what identifies the person. Each call continues it for a bounded time, and the
watchdog does so until it is done. It waits while a sync is active, which could write what it has read before. Once
nothing that ran at the first erasure can still write, everything is looked at again.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.domain.erasure.erasure import FINDINGS, SETTLED_AFTER, Erasure, ErasureState
from shared.domain.erasure.person import Identifier, Person
from shared.domain.erasure.values import without
from shared.domain.ids import LocationId, RunId, TenantId, object_id, recipient_id
from shared.domain.imports.import_record import ImportRef, failure
from shared.domain.problem import Problem
from shared.domain.recipient import Change, ChangeKind, Counts, Reason, Recipient, Status
from shared.domain.reconcile.write import Write
from shared.domain.reconcile.write_batches import MAX_BATCH_RECIPIENTS
from shared.domain.run import LocationReport, RunKind
from shared.errors import Conflict, ETagConflict, NotFound, Rejected, SyncError
from shared.ports.erasures import ErasureStore
from shared.ports.imports import ImportStore
from shared.ports.platform import Clock, IdSource, StorageClock
from shared.ports.tenants import ConnectionStore, SettingsStore, SyncStateStore, TenantStore
from shared.runtime.optimistic_update import repeat
from shared.telemetry import event
from shared.workflows.imports.completion import ImportCompletion
from shared.workflows.recipients.manual_changes import ManualChanges

#: Time for which one call works, in seconds. The host ends a request after 230.
_BUDGET_S: Final = 20.0
#: Time after which the watchdog begins with no further erasure, in seconds; host.json gives it ten minutes in all.
IN_WATCHDOG_S: Final = 120.0
#: Retention of the log workspace (infra/azure/app/monitoring.bicep).
_LOGS: Final = timedelta(days=30)
#: How long a queue keeps a message.
#: Source: https://learn.microsoft.com/rest/api/storageservices/put-message
_MESSAGES: Final = timedelta(days=7)
_DAY: Final = timedelta(days=1)
#: Longest address that is accepted, in characters.
_MAX_ADDRESS: Final = 320


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """A place that the app cannot erase: what can be there, and until when."""

    place: str
    until: datetime | None
    detail: str


#: Rows that were skipped.
_UNREAD: Final = Elsewhere(
    place="unreadable_rows",
    until=None,
    detail="Rows that cannot be read can name the person. The operator log names them. Erase the person again when "
    "they are repaired or deleted.",
)


class ErasureReport(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure, what can still be elsewhere, and whether a sync reads a directory that can have the person."""

    erasure: Erasure
    elsewhere: Sequence[Elsewhere]
    returns: bool


class ErasePerson(msgspec.Struct, frozen=True, kw_only=True):
    """Erases people."""

    tenants: TenantStore
    connections: ConnectionStore
    settings: SettingsStore
    sync_states: SyncStateStore
    imports: ImportStore
    erasures: ErasureStore
    manual: ManualChanges
    import_completion: ImportCompletion
    clock: Clock
    storage_clock: StorageClock
    ids: IdSource

    async def start(self, tenant: TenantId, identifier: Identifier, text: str, by: str) -> ErasureReport:
        """Erase a person for a bounded time, and return how far it is. The same request again continues it.

        Raises:
            NotFound: The tenant does not exist.
            Rejected: The id or the address is malformed.
        """
        await self.tenants.get(tenant)
        person = Person.of(identifier, _valid(identifier, text))
        async for stored in self.erasures.list_erasures(tenant):
            if not stored.state.ended and stored.person.is_known_as(person):
                return await self._report(await self._go_on(tenant, stored.id))
        new = Erasure(
            id=self.ids.new_run_id(),
            tenant=tenant,
            at=self.clock.now(),
            by=by,
            identifier=identifier,
            person=person,
        )
        await self.erasures.replace(new, None)
        return await self._report(await self._go_on(tenant, new.id))

    async def get(self, tenant: TenantId, erasure: str) -> ErasureReport:
        """Return how far an erasure is. Raises NotFound if the tenant or the erasure does not exist."""
        await self.tenants.get(tenant)
        return await self._report((await self.erasures.get(tenant, erasure)).value)

    async def complete(self) -> None:
        """Continue the erasures that have not ended, for about `IN_WATCHDOG_S` together.

        A failure of one of them does not affect the others. What is left over is not always the same.
        """
        until_s = self.clock.monotonic_s() + IN_WATCHDOG_S
        left = [erasure async for erasure in self.erasures.list_erasures()]
        random.shuffle(left)
        for erasure in left:
            if self.clock.monotonic_s() >= until_s:
                return
            try:
                await self._go_on(erasure.tenant, erasure.id)
            except SyncError as error:
                event("erasure_failed", tenant=erasure.tenant, erasure=erasure.id, code=error.code)

    async def _report(self, erasure: Erasure) -> ErasureReport:
        connected = await self.connections.find(erasure.tenant) is not None
        at = erasure.ended_at or self.clock.now()
        elsewhere = (*_elsewhere(at), *([_UNREAD] if erasure.unread else []))
        return ErasureReport(erasure=erasure, elsewhere=elsewhere, returns=connected)

    async def _go_on(self, tenant: TenantId, name: str) -> Erasure:
        """Do steps until the time is up, the erasure has to wait, or it has ended."""
        until_s = self.clock.monotonic_s() + _BUDGET_S
        erasure, etag = await self.erasures.get(tenant, name)
        while not erasure.state.ended and self.clock.monotonic_s() < until_s:
            after = erasure if await self._must_wait(erasure) else await self._step(erasure)
            if after == erasure:
                break
            try:
                etag = await self.erasures.replace(after, etag)
            except ETagConflict:  # another worker goes on with it
                return (await self.erasures.get(tenant, name)).value
            erasure = after
        return erasure

    async def _must_wait(self, erasure: Erasure) -> bool:
        """Return whether the erasure waits for the end of a sync or of a pause, or of what ran at the first erasure."""
        if erasure.erased_at is not None and erasure.position is None:  # within a round, the wait is over
            settled_at = erasure.erased_at + SETTLED_AFTER
            # this worker's clock saves asking, and the one of storage decides
            if self.clock.now() < settled_at or await self.storage_clock.now() < settled_at:
                return True
        state = (await self.sync_states.get(erasure.tenant)).value
        return state.active_run is not None or bool(state.pauses)

    async def _step(self, erasure: Erasure) -> Erasure:
        """Return the erasure after one more step; unchanged if a sync came first."""
        if erasure.state is ErasureState.FINDING:
            return await self._find(erasure)
        tenant, begun = erasure.tenant, erasure
        if begun.position is None:
            token = (await self.sync_states.get(tenant)).value.fencing_token
            try:
                erased = await self._erase_recipients(begun)
            except Conflict:
                return erasure
            begun = msgspec.structs.replace(begun.plus(erased), fencing_token=token, unread=0)
        step = await repeat(lambda: self.erasures.erase(tenant, begun.person, begun.position), "erase_person")
        for file in step.files:
            await self._end_import(file)
        unread = begun.unread + step.unread
        done = msgspec.structs.replace(begun.plus(step.erased), position=step.after, unread=unread)
        if step.ends_snapshots and (await self.sync_states.get(tenant)).value.fencing_token != done.fencing_token:
            # a run has begun since then, which can have read what was erased: another round
            return msgspec.structs.replace(done, position=None)
        if step.after is not None:
            return done
        if done.state is ErasureState.ERASING:
            erased_at = await self.storage_clock.now()
            return msgspec.structs.replace(done, state=ErasureState.SETTLING, erased_at=erased_at)
        event("person_erased", tenant=tenant, erasure=erasure.id)
        return done.ended(ErasureState.DONE, self.clock.now())

    async def _find(self, erasure: Erasure) -> Erasure:
        person, position = await self.erasures.find(erasure.tenant, erasure.person, erasure.position)
        found = msgspec.structs.replace(erasure, person=person, position=position)
        if position is not None:
            return found
        if erasure.identifier is Identifier.MAIL and len(person.object_ids) > 1:
            return found.ended(ErasureState.AMBIGUOUS, self.clock.now())
        rounds = erasure.rounds + 1
        state = ErasureState.ERASING if rounds == FINDINGS else ErasureState.FINDING
        return msgspec.structs.replace(found, rounds=rounds, state=state)

    async def _erase_recipients(self, erasure: Erasure) -> Mapping[str, int]:
        """Delete the recipients of the person at all locations, and the person as the manager of others.

        In the history this is an edit, with one nameless mark for each recipient. Raises Conflict if a sync or another
        change came first.
        """
        tenant, person = erasure.tenant, erasure.person
        concerned = [
            location.id
            for location in await self.settings.list_locations(tenant)
            if any(_names(recipient, person) for recipient in await self._stored(tenant, location.id))
        ]
        if not concerned:
            return {}
        run = self.manual.new_run()
        reports = dict[LocationId, LocationReport]()
        async with self.manual.announced(tenant, run, RunKind.EDIT, erasure.by, concerned):
            for name in concerned:
                reports[name] = await self._erase_at(erasure, name, run)
            ended = await self.manual.record(tenant, run, reports)
        return Counter(Recipients=ended.counts.deactivated + ended.counts.updated)

    async def _erase_at(self, erasure: Erasure, location: LocationId, run: RunId) -> LocationReport:
        person, now = erasure.person, self.clock.now()
        writer = await self.manual.acquire(erasure.tenant, location, run)
        stored = await self._stored(erasure.tenant, location)
        own = [recipient for recipient in stored if person.is_recipient(recipient)]
        managed = [_unmanaged(recipient, person) for recipient in stored if _is_managed(recipient, person)]
        await writer.write(managed, run=run, actor=erasure.by, at=now)
        for start in range(0, len(own), MAX_BATCH_RECIPIENTS):
            batch = own[start : start + MAX_BATCH_RECIPIENTS]
            names, marks = [recipient.id for recipient in batch], list(map(_mark, batch))
            await writer.erase(names, marks, run=run, actor=erasure.by, at=now)
        active = sum(recipient.status is Status.ACTIVE for recipient in stored if not person.is_recipient(recipient))
        counts = Counts.of([*(write.change for write in managed), *map(_mark, own)])
        return LocationReport(counts=counts, active=active, compared=False)

    async def _stored(self, tenant: TenantId, location: LocationId) -> list[Recipient]:
        return [recipient async for recipient in self.erasures.list_recipients(tenant, location)]

    async def _end_import(self, ref: ImportRef) -> None:
        """End an import whose file names the person, and delete the file."""
        with suppress(NotFound):
            stored = await self.imports.get(ref)
            detail = "The file named a person who was erased. Upload it again without this person."
            if stored.value.state.is_running and stored.value.run is not None:
                problem = Problem(concerns="import", code="person_erased", detail=detail)
                await self.import_completion.fail(stored.value.job(stored.value.run), problem)
            elif stored.value.state.has_file:
                await self.import_completion.end(stored, failure("person_erased", detail))


def _valid(identifier: Identifier, text: str) -> str:
    match identifier:
        case Identifier.RECIPIENT:
            return recipient_id(text)
        case Identifier.OBJECT_ID:
            return object_id(text)
        case Identifier.MAIL:
            address = text.strip()
            if "@" not in address or len(address) > _MAX_ADDRESS or any(map(str.isspace, address)):
                raise Rejected("Not a valid e-mail address: use name@example.com.", code="invalid_value")
            return address


def _names(recipient: Recipient, person: Person) -> bool:
    return person.is_recipient(recipient) or _is_managed(recipient, person)


def _is_managed(recipient: Recipient, person: Person) -> bool:
    profiles = (recipient.profile, recipient.last_applied)
    is_managed = any(profile is not None and person.manages(profile) for profile in profiles)
    return is_managed and not person.is_recipient(recipient)


def _unmanaged(recipient: Recipient, person: Person) -> Write:
    """Return the write of a recipient whose manager is the person. To undo it does not bring the manager back."""
    after = without(recipient, person)
    change = Change(
        kind=ChangeKind.UPDATED,
        reason=Reason.EDITED,
        recipient=recipient.id,
        object_id=recipient.object_id,
        display_name=after.profile.display_name,
        fields=("manager_name", "manager_mail"),
        before=after,
    )
    return Write(recipient=after, change=change)


def _mark(recipient: Recipient) -> Change:
    """Return what the history has of a recipient that is deleted."""
    active = recipient.status is Status.ACTIVE
    return Change(kind=ChangeKind.DEACTIVATED if active else ChangeKind.UPDATED, reason=Reason.EDITED)


def _elsewhere(erased_at: datetime) -> tuple[Elsewhere, ...]:
    return (
        Elsewhere(
            place="logs",
            until=erased_at + _LOGS,
            detail="Logs and traces can have ids of runs that concerned the person, and no name or address.",
        ),
        Elsewhere(
            place="queues",
            until=erased_at + _MESSAGES,
            detail="If the person is an admin: their ids in requests for syncs that wait.",
        ),
        Elsewhere(
            place="rate_limits",
            until=erased_at + _DAY,
            detail="If the person is an admin: hashes of their ids.",
        ),
        Elsewhere(
            place="operator",
            until=None,
            detail="If the person is an operator: their ids in named keys, and in the logs of what concerns no tenant.",
        ),
        Elsewhere(
            place="key_vault",
            until=None,
            detail="It has credentials of directories only, and nothing about people.",
        ),
        Elsewhere(
            place="backups",
            until=None,
            detail="Table Storage keeps nothing that was deleted; soft delete is on for blobs only. The app does not "
            "know copies that the operator has made, and files that were exported.",
        ),
    )
