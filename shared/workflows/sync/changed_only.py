"""Comparison of only the people who have changed."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

from shared.domain.ids import LocationId, ObjectId, RecipientId
from shared.domain.problem import Problem
from shared.domain.recipient import Recipient
from shared.domain.reconcile.absence import AbsenceProof
from shared.domain.reconcile.decide import Decision, decide
from shared.domain.reconcile.fence import Irregular
from shared.domain.reconcile.predictable import regular
from shared.domain.run import Plan
from shared.domain.snapshots.changeset import VerifiedChanges
from shared.errors import NotFound
from shared.ports.recipients import RecipientStore
from shared.runtime.fair_scheduler import turn
from shared.workflows.sync.comparison import _PART


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
        proof = AbsenceProof.of((self._plan.everyone,), {self._plan.everyone: self._changes.after})
        return decide(wanted, stored, self._plan.preferences, proof)
