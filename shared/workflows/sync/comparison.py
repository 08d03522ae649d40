"""Comparing: a location's sources with its recipients, part by part, in memory that hardly grows with their number."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Final

from shared.domain.directory import DirectoryUser
from shared.domain.ids import LocationId, ObjectId, SourceId
from shared.domain.preferences.location_rule import AttributeHistogram
from shared.domain.problem import Problem
from shared.domain.recipient import Origin, Recipient
from shared.domain.reconcile.absence import AbsenceProof, union_of_sources
from shared.domain.reconcile.decide import Decision, decide
from shared.domain.reconcile.managers import NO_MANAGERS, Managers
from shared.domain.reconcile.matching import Matching
from shared.domain.reconcile.provenance import Provenance
from shared.domain.run import Plan
from shared.domain.snapshots.partitions import PART_PEOPLE, Cuts, CutSnapshot
from shared.domain.snapshots.snapshot import SnapshotManifest
from shared.domain.snapshots.verification import CompleteSnapshot
from shared.ports.recipients import RecipientStore
from shared.runtime.fair_scheduler import cpu_slice
from shared.workflows.snapshots.cache import CutSnapshots

#: Up to so many recipients are read once and held; of more, those that the directory made are read a second time.
_HELD: Final = 20_000
#: People of one part.
_PART: Final = PART_PEOPLE


class Comparison:
    """One location of a run, and the sources that were read completely for it."""

    def __init__(
        self,
        snapshots: CutSnapshots,
        recipients: RecipientStore,
        plan: Plan,
        location: LocationId,
        read: Mapping[SourceId, SnapshotManifest],
    ) -> None:
        self._snapshots = snapshots
        self._recipients = recipients
        self._plan = plan
        self._location = location
        self._refs = read
        self._feeds = plan.locations[location]
        self._cuts = Cuts(sum(ref.digest.users for ref in read.values()), _PART)
        self._read: dict[SourceId, CutSnapshot] = {}
        #: What the location rule could not place; known once the decisions are.
        self.problem: Problem | None = None

    async def decisions(self) -> AsyncGenerator[Decision, None]:
        """Iterate over the decisions about all parts, in the order of ids. Raises: Conflict if a snapshot is not whole.

        Nothing is decided before every page of every source was verified.
        """
        async with AsyncExitStack() as opened:
            for source, ref in self._refs.items():
                snapshot = self._snapshots.opened(self._plan.tenant, ref, self._cuts)
                self._read[source] = await opened.enter_async_context(snapshot)
                opened.callback(self._read.pop, source)  # before that: who frees a snapshot is the last one to have it
            self.problem = await self._unmatched()
            held, others = await self._look()
            matching = Matching.of(others, self._plan.connection_id)
            for number in range(self._cuts.count if matching.by_mail else 0):
                async with cpu_slice():
                    matching.claim(self._wanted(self._part(number)).values(), self._plan.preferences)
            managers = await self._managers()
            number = 0
            async for stored in self._stored(held):
                async with cpu_slice():
                    decision = self._shared_decision(number, stored, matching, managers)
                yield decision
                number += 1

    def _shared_decision(
        self, number: int, stored: list[Recipient], matching: Matching, managers: Managers | None
    ) -> Decision:
        """Return the decision about a part; where only the directory matters, all locations have the same."""
        if stored or matching.any or self._plan.preferences.rule is not None or not self._read:
            return self._decision(number, stored, matching, managers)
        attempts = tuple((source, ref.attempt) for source, ref in self._refs.items())
        return self._snapshots.first.of(
            next(iter(self._read.values())),
            (self._plan.tenant, self._plan.run, self._feeds, attempts, number),
            lambda: self._decision(number, stored, matching, managers),
        )

    def _decision(
        self, number: int, stored: list[Recipient], matching: Matching, managers: Managers | None
    ) -> Decision:
        read = self._part(number)
        if managers is None:
            named = NO_MANAGERS
        elif managers.directory is None:
            named = managers
        else:
            everyone = read[self._plan.everyone]
            named = Managers(directory=everyone.users, managers=managers.directory, conclusive=everyone.conclusive)
        return decide(
            self._wanted(read),
            stored,
            self._plan.preferences,
            AbsenceProof.of(self._feeds, read, self._plan.connection_id),
            Provenance.of(self._plan.sources, self._feeds, read),
            named,
            matching,
            self._plan.connection_id,
        )

    def _part(self, number: int) -> dict[SourceId, CompleteSnapshot]:
        return {source: cut.part(number) for source, cut in self._read.items()}

    def _wanted(self, read: Mapping[SourceId, CompleteSnapshot]) -> dict[ObjectId, DirectoryUser]:
        """Return everybody of a part who is in a source that feeds the location."""
        rule, location = self._plan.preferences.rule, self._location
        return union_of_sources(self._feeds, read, (lambda user: rule.location_of(user) == location) if rule else None)

    async def _everybody(self) -> AsyncIterator[list[DirectoryUser]]:
        for number in range(self._cuts.count):
            async with cpu_slice():
                users = list(self._read[self._plan.everyone].part(number).users.values())
            yield users

    async def _managers(self) -> Managers | None:
        """Return whom people report to, as `directory`; None if nobody wants to know."""
        if not self._plan.preferences.attributes.manager:
            return None
        if self._plan.everyone not in self._read:
            return Managers(directory=None)
        named: set[ObjectId] = set()
        async for users in self._everybody():
            named.update(user.manager for user in users if user.manager is not None)
        known: dict[ObjectId, DirectoryUser] = {}
        async for users in self._everybody():
            known.update((user.id, user) for user in users if user.id in named)
        return Managers(directory=known)

    async def _unmatched(self) -> Problem | None:
        """Return what names no location; said by one of the locations that the rule feeds, so that it is said once."""
        rule = self._plan.preferences.rule
        if rule is None or self._plan.everyone not in self._read:
            return None
        fed = [each for each, feeds in self._plan.locations.items() if self._plan.everyone in feeds]
        if self._location != min(fed):
            return None
        values = AttributeHistogram(rule.attribute)
        async for users in self._everybody():
            values.add(user for user in users if self._plan.preferences.exclusion(user) is None)
        return values.unmatched(rule)

    async def _look(self) -> tuple[list[Recipient] | None, list[Recipient]]:
        """Return all recipients unless they are too many, and those that the directory did not make."""
        held: list[Recipient] | None = []
        others: list[Recipient] = []
        async for recipient in self._recipients.list_recipients(self._plan.tenant, self._location):
            if recipient.origin is not Origin.DIRECTORY:
                others.append(recipient)
            if held is not None:
                held.append(recipient)
                if len(held) > _HELD:
                    held = None
        return held, others

    async def _stored(self, held: list[Recipient] | None) -> AsyncIterator[list[Recipient]]:
        """Iterate over the recipients of each part; a part without any is an empty list."""
        number, part = 0, list[Recipient]()
        async for recipient in self._all(held):
            while self._cuts.part_of(recipient.id) > number:
                yield part
                number, part = number + 1, []
            part.append(recipient)
        yield part
        for _ in range(number + 1, self._cuts.count):
            yield []

    async def _all(self, held: list[Recipient] | None) -> AsyncIterator[Recipient]:
        if held is None:
            async for recipient in self._recipients.list_recipients(self._plan.tenant, self._location):
                yield recipient
        else:
            held.reverse()
            while held:  # so that they go one by one: to free all at once keeps the event loop for 20 ms
                yield held.pop()
