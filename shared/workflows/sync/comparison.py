"""Comparison: a location's sources with its recipients, partition by partition, one of them in memory at a time."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from shared.domain.directory import DirectoryUser
from shared.domain.ids import LocationId, ObjectId, SourceId, recipient_id_of
from shared.domain.preferences.location_rule import AttributeHistogram
from shared.domain.problem import Problem
from shared.domain.recipient import Origin, Recipient
from shared.domain.reconcile.absence import AbsenceProof, union_of_sources
from shared.domain.reconcile.decide import Decision, decide
from shared.domain.reconcile.managers import NO_MANAGERS, Managers
from shared.domain.reconcile.matching import Matching
from shared.domain.reconcile.provenance import Provenance
from shared.domain.run import Plan
from shared.domain.snapshots.partitions import partition_count, partition_of
from shared.domain.snapshots.snapshot import ChangedUsers, SnapshotBody, SnapshotManifest
from shared.domain.snapshots.verification import CompleteSnapshot
from shared.errors import NotFound, SnapshotIncomplete
from shared.ports.recipients import RecipientStore
from shared.runtime.fair_scheduler import cpu_slice
from shared.workflows.snapshots.reader import SnapshotReader, stored_partitions

#: Number of recipients that one request lists. Changed people are read one by one if that takes as few requests...
_LISTED: Final = 1_000
#: ...or this many more, which take less time.
_FEW: Final = 10
#: What people read when a snapshot is damaged.
_DAMAGED: Final = (
    "A part of what was read from the directory is missing in storage. No one is deactivated at this location until "
    "the next full sync, which reads everything again."
)


class Comparison:
    """One location of a run: all of its people, or only the `changed` ones of its only source."""

    def __init__(
        self,
        reader: SnapshotReader,
        recipients: RecipientStore,
        plan: Plan,
        location: LocationId,
        read: Sequence[SnapshotManifest],
        active: int,
        changed: ChangedUsers | None = None,
        elsewhere: Sequence[SnapshotManifest] = (),
    ) -> None:
        """Compare with the sources that were `read` completely; `active` recipients are expected to be stored.

        `elsewhere` are the sources of other locations that were read completely.
        """
        self._reader = reader
        self._recipients = recipients
        self._plan = plan
        self._location = location
        self._manifests = read
        self._elsewhere = elsewhere
        self._sources = plan.locations[location]
        self._active = active
        #: Number of partitions: those of the source with the most, or more if more recipients are stored.
        self._count = max([partition_count(active), *(manifest.partitions for manifest in read)])
        self._changed = changed
        self._bodies: dict[SourceId, SnapshotBody] = {}
        self._matching = Matching(())
        self._managers: Managers | None = None
        #: Whether a partition of a source was missing or damaged. Known, as the others, after the last decision.
        self.damaged = False
        #: Whether people were not matched because of people at other locations, who can change without this location.
        self.depends_on_others = False
        #: Whether this connection's directory created all recipients of the location.
        self.only_directory = True
        #: Why the result is partial, or what the location rule could not assign.
        self.problem: Problem | None = None

    def _is_damaged(self) -> None:
        self.damaged = True
        self.problem = Problem(concerns=self._location, code="snapshot_damaged", detail=_DAMAGED)

    async def decisions(self) -> AsyncGenerator[Decision, None]:
        """Iterate over the decisions of all partitions, in the order of recipient ids."""
        plan = self._plan
        if self._changed is None:
            for manifest in self._manifests:
                try:
                    self._bodies[manifest.source] = await self._reader.open(plan.tenant, manifest)
                except SnapshotIncomplete:
                    self._is_damaged()
            others = [recipient async for recipient in self._recipients.list_others(plan.tenant, self._location)]
            self._matching = Matching(others, plan.connection_id)
            await self._first_pass()
            if self._matching.any_new and plan.preferences.allow_directory_to_update_csv:
                await self._claim_elsewhere()
        recipients = self._stored()
        async for number, read in self._partitions():
            stored = await anext(recipients)
            async with cpu_slice():
                decision = self._shared_decision(number, read, stored)
            yield decision

    def _shared_decision(
        self, number: int, read: Mapping[SourceId, CompleteSnapshot], stored: Sequence[Recipient]
    ) -> Decision:
        """Return the decision of a partition. Locations without recipients share it, if they have the same sources."""
        plan = self._plan
        is_own = self._changed is not None or self._matching.any or plan.preferences.rule is not None or self.damaged
        if stored or is_own:
            return self._decision(read, stored)
        key = plan.tenant, plan.run, self._sources, self._count, number
        return self._reader.recent.get_or_compute(key, lambda: self._decision(read, stored))

    def _decision(self, read: Mapping[SourceId, CompleteSnapshot], stored: Sequence[Recipient]) -> Decision:
        plan, everyone, managers = self._plan, read.get(self._plan.everyone), self._managers
        if managers is not None:
            managers = Managers(
                directory=everyone.users if everyone else None,
                managers=managers.directory,
                conclusive=everyone is not None and everyone.conclusive and not self.damaged,
            )
        return decide(
            self._desired(read),
            stored,
            plan.preferences,
            AbsenceProof.of(self._sources, read, plan.connection_id),
            Provenance.of(plan.sources, self._sources, read),
            managers or NO_MANAGERS,
            self._matching,
            plan.connection_id,
        )

    async def _partitions(self) -> AsyncIterator[tuple[int, dict[SourceId, CompleteSnapshot]]]:
        """Iterate over what was read of each partition, by source. A damaged partition is left out.

        The changed people are in one partition.
        """
        if self._changed is not None:
            changed = CompleteSnapshot.verified(self._changed.body, 0, self._changed.content)
            yield 0, {changed.source: changed}
            return
        readers = {
            source: self._reader.partitions(self._plan.tenant, body, range(self._count), self._count)
            for source, body in self._bodies.items()
        }
        for number in range(self._count):
            read = {source: await anext(reader) for source, reader in readers.items()}
            whole = {source: snapshot for source, snapshot in read.items() if snapshot is not None}
            if len(whole) < len(read):
                self._is_damaged()
            yield number, whole

    def _desired(self, read: Mapping[SourceId, CompleteSnapshot]) -> dict[ObjectId, DirectoryUser]:
        """Return all users of a partition who are in a source of the location."""
        rule, location = self._plan.preferences.rule, self._location
        return union_of_sources(
            self._sources, read, (lambda user: rule.location_of(user) == location) if rule else None
        )

    async def _first_pass(self) -> None:
        """Read what decisions about single partitions need of all of them.

        These are the values by which people are matched, the values of the location rule, and the managers.
        """
        preferences, everyone = self._plan.preferences, self._plan.everyone
        ruled = [location for location, sources in self._plan.locations.items() if everyone in sources]
        rule = preferences.rule if everyone in self._bodies and self._location == min(ruled, default=None) else None
        values = AttributeHistogram(rule.attribute) if rule else None  # at one location: the problem is reported once
        named: set[ObjectId] = set()
        known: dict[ObjectId, DirectoryUser] = {}
        if self._matching.any or values or (preferences.attributes.manager and everyone in self._bodies):
            async for _, read in self._partitions():
                users = read[everyone].users.values() if everyone in read else ()
                async with cpu_slice():
                    for snapshot in read.values():
                        self._matching.claim(snapshot.users.values(), preferences)
                    named.update(user.manager for user in users if user.manager is not None)
                    if values:
                        values.add(user for user in users if preferences.exclusion(user) is None)
        if values and rule:
            self.problem = self.problem or await asyncio.to_thread(values.unmatched, rule)
        if preferences.attributes.manager:
            async for _, read in self._partitions():
                users = read[everyone].users.values() if everyone in read else ()
                async with cpu_slice():
                    known.update((user.id, user) for user in users if user.id in named)
            self._managers = Managers(directory=known)

    async def _changed_recipients(self, changed: ChangedUsers) -> AsyncIterator[Recipient]:
        tenant, location = self._plan.tenant, self._location
        names = {recipient_id_of(self._plan.connection_id, person) for person in changed.people}
        if len(names) > _FEW + self._active // _LISTED:
            async for recipient in self._recipients.list_recipients(tenant, location, among=names):
                yield recipient
            return
        for name in sorted(names):
            with suppress(NotFound):
                yield await self._recipients.get(tenant, location, name)

    async def _claim_elsewhere(self) -> None:
        """Claim the people of other locations too: a match needs a value that no one else of the tenant has."""
        doubtful = self._matching.doubtful
        for manifest in self._elsewhere:
            with suppress(SnapshotIncomplete):
                async for part in stored_partitions(self._reader.store, self._plan.tenant, manifest):
                    async with cpu_slice():
                        self._matching.claim(part.users.values(), self._plan.preferences, elsewhere=True)
        self.depends_on_others = not self._matching.doubtful <= doubtful

    async def _stored(self) -> AsyncIterator[list[Recipient]]:
        """Iterate over the recipients of each partition; a partition without any is an empty list."""
        number, recipients = 0, list[Recipient]()
        if self._changed is not None:
            yield [recipient async for recipient in self._changed_recipients(self._changed)]
            return
        async for recipient in self._recipients.list_recipients(self._plan.tenant, self._location):
            while partition_of(recipient.id, self._count) > number:
                yield recipients
                number, recipients = number + 1, []
            recipients.append(recipient)
            if recipient.origin is not Origin.DIRECTORY or recipient.connection != self._plan.connection_id:
                self.only_directory = False
        yield recipients
        for _ in range(number + 1, self._count):
            yield []
