"""Comparing: a location's sources with its recipients, part by part, in memory that hardly grows with their number."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Final

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.ids import LocationId, ObjectId, RecipientId, SourceId
from shared.domain.preferences.location_rule import Values
from shared.domain.problem import Problem
from shared.domain.recipient import Change, Counts, Origin, Recipient
from shared.domain.reconcile.absence import EVERYONE, AbsenceProof, gather
from shared.domain.reconcile.decide import Decision, Matching, decide
from shared.domain.reconcile.managers import NO_MANAGERS, Managers
from shared.domain.reconcile.predictable import MAX_IRREGULAR, regular
from shared.domain.reconcile.provenance import Provenance
from shared.domain.run import Plan
from shared.domain.snapshots.changeset import VerifiedChanges
from shared.domain.snapshots.partitions import PART_PEOPLE, Cuts, CutSnapshot
from shared.domain.snapshots.snapshot import CompleteSnapshot, SnapshotRef
from shared.domain.sync.jobs import MAX_NAMED_CANDIDATES, Candidate
from shared.errors import NotFound
from shared.ports import Irregular, RecipientStore
from shared.runtime.fair_scheduler import turn
from shared.workflows.snapshots.cache import CutSnapshots

#: How many of the skipped are named; all of them are counted.
_NAMED_SKIPS: Final = 500
#: Up to so many recipients are read once and held; of more, those that the directory made are read a second time.
_HELD: Final = 20_000
#: People of one part.
_PART: Final = PART_PEOPLE


@dataclass(slots=True, kw_only=True)
class Found:
    """What the decisions about all parts come to. What is named is bounded, what is counted is complete."""

    counts: Counts = field(default_factory=Counts)
    baseline: int = 0
    active: int = 0
    candidates: int = 0
    named: list[Candidate] = field(default_factory=list)
    skipped: list[Change] = field(default_factory=list)
    #: Who is irregular; None once that cannot be told.
    irregular: set[ObjectId] | None = field(default_factory=set)
    #: The first changes, up to `named_changes`, without what was before.
    changes: list[Change] = field(default_factory=list)
    named_changes: int = 0

    def add(self, decision: Decision) -> None:
        """Add the decision about one more part."""
        self.counts += Counts.of([write.change for write in decision.writes]) + Counts(skipped=len(decision.skipped))
        self.baseline += decision.baseline
        self.active += decision.active
        self._note(decision.irregular)
        self.candidates += len(decision.candidates)
        self.named += decision.candidates[: MAX_NAMED_CANDIDATES - len(self.named)]
        self.skipped += decision.skipped[: _NAMED_SKIPS - len(self.skipped)]
        for write in decision.writes[: self.named_changes - len(self.changes)]:
            self.changes.append(msgspec.structs.replace(write.change, before=None))

    def _note(self, irregular: Sequence[ObjectId] | None) -> None:
        if self.irregular is not None and irregular is not None:
            self.irregular.update(irregular)
        if irregular is None or (self.irregular is not None and len(self.irregular) > MAX_IRREGULAR):
            self.irregular = None

    def widen(self, active: int, irregular: Collection[ObjectId]) -> None:
        """Add those whom nothing concerned, and the irregular among them; so many in all were active before."""
        self.active += active - self.baseline
        self.baseline = active
        self._note(tuple(irregular))


class ChangesOnly:
    """A location that was settled with the snapshot before, where nobody is looked at but those who have changed."""

    #: Nothing can be said here about all people.
    problem: Problem | None = None

    def __init__(
        self, recipients: RecipientStore, plan: Plan, location: LocationId, changes: VerifiedChanges, before: Irregular
    ) -> None:
        self._recipients = recipients
        self._plan = plan
        self._location = location
        self._changes = changes
        self._irregular = frozenset(before.people)

    @property
    def to_be_read(self) -> frozenset[ObjectId]:
        """Those of the changed whose recipients nobody knows without reading them."""
        return self._changes.people & self._irregular

    @property
    def others(self) -> frozenset[ObjectId]:
        """The irregular ones whom nothing concerns."""
        return self._irregular - self._changes.people

    async def decisions(self) -> AsyncGenerator[Decision, None]:
        """Iterate over the decisions about those who have changed, part by part, in the order of ids."""
        people = sorted(self._changes.people)
        for start in range(0, len(people), _PART):
            some = people[start : start + _PART]
            stored = await self._stored(some)
            async with turn():
                decision = self._decision(some, stored)
            yield decision

    async def _stored(self, people: Sequence[ObjectId]) -> list[Recipient]:
        known = [self._changes.before[each] for each in people if each in self._changes.before]
        found = regular([each for each in known if each.id not in self._irregular], self._plan.preferences)
        for person in people:
            if person in self._irregular:
                with suppress(NotFound):
                    found.append(await self._recipients.get(self._plan.tenant, self._location, RecipientId(person)))
        return found

    def _decision(self, people: Sequence[ObjectId], stored: Sequence[Recipient]) -> Decision:
        after = self._changes.after.users
        wanted = {each: after[each] for each in people if each in after}
        proof = AbsenceProof.of((EVERYONE,), {EVERYONE: self._changes.after})
        return decide(wanted, stored, self._plan.preferences, proof)


class Comparison:
    """One location of a run, and the sources that were read completely for it."""

    def __init__(
        self,
        snapshots: CutSnapshots,
        recipients: RecipientStore,
        plan: Plan,
        location: LocationId,
        read: Mapping[SourceId, SnapshotRef],
    ) -> None:
        self._snapshots = snapshots
        self._recipients = recipients
        self._plan = plan
        self._location = location
        self._refs = read
        self._feeds = plan.locations[location]
        self._cuts = Cuts(sum(ref.tally.users for ref in read.values()), _PART)
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
            matching = Matching.of(others)
            for number in range(self._cuts.count if matching.by_mail else 0):
                async with turn():
                    matching.claim(self._wanted(self._part(number)).values(), self._plan.preferences)
            managers = await self._managers()
            number = 0
            async for stored in self._stored(held):
                async with turn():
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
            named = Managers(directory=read[EVERYONE].users, managers=managers.directory)
        return decide(
            self._wanted(read),
            stored,
            self._plan.preferences,
            AbsenceProof.of(self._feeds, read),
            Provenance.of(self._plan.sources, self._feeds, read),
            named,
            matching,
        )

    def _part(self, number: int) -> dict[SourceId, CompleteSnapshot]:
        return {source: cut.part(number) for source, cut in self._read.items()}

    def _wanted(self, read: Mapping[SourceId, CompleteSnapshot]) -> dict[ObjectId, DirectoryUser]:
        """Return everybody of a part who is in a source that feeds the location."""
        rule, location = self._plan.preferences.rule, self._location
        return gather(self._feeds, read, (lambda user: rule.location_of(user) == location) if rule else None)

    async def _everybody(self) -> AsyncIterator[list[DirectoryUser]]:
        for number in range(self._cuts.count):
            async with turn():
                users = list(self._read[EVERYONE].part(number).users.values())
            yield users

    async def _managers(self) -> Managers | None:
        """Return whom people report to, as `directory`; None if nobody wants to know."""
        if not self._plan.preferences.attributes.manager:
            return None
        if EVERYONE not in self._read:
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
        if rule is None or EVERYONE not in self._read:
            return None
        fed = [each for each, feeds in self._plan.locations.items() if EVERYONE in feeds]
        if self._location != min(fed):
            return None
        values = Values(rule.attribute)
        async for users in self._everybody():
            values.add(user for user in users if self._plan.preferences.exclusion(user) is None)
        return values.unmatched(rule)

    async def _look(self) -> tuple[list[Recipient] | None, list[Recipient]]:
        """Return all recipients unless they are too many, and those that the directory did not make."""
        held: list[Recipient] | None = []
        others: list[Recipient] = []
        async for recipient in self._recipients.read(self._plan.tenant, self._location):
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
            async for recipient in self._recipients.read(self._plan.tenant, self._location):
                yield recipient
        else:
            held.reverse()
            while held:  # so that they go one by one: to free all at once keeps the event loop for 20 ms
                yield held.pop()
