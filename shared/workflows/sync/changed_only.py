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
from shared.runtime.fair_scheduler import cpu_slice
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
        self._irregular = frozenset(before.recipients)

    @property
    def to_be_read(self) -> frozenset[RecipientId]:
        """Those of the changed whose recipients nobody knows without reading them."""
        return self._irregular.intersection(self._changes.recipients.values())

    @property
    def others(self) -> frozenset[RecipientId]:
        """The irregular ones whom nothing concerns."""
        return self._irregular.difference(self._changes.recipients.values())

    async def decisions(self) -> AsyncGenerator[Decision, None]:
        """Iterate over the decisions about those who have changed, part by part, in the order of recipient ids."""
        recipients = self._changes.recipients
        people = sorted(recipients, key=recipients.__getitem__)
        for start in range(0, len(people), _PART):
            some = people[start : start + _PART]
            stored = await self._stored(some)
            async with cpu_slice():
                decision = self._decision(some, stored)
            yield decision

    async def _stored(self, people: Sequence[ObjectId]) -> list[Recipient]:
        before, recipients = self._changes.before, self._changes.recipients
        known = [before[each] for each in people if each in before and recipients[each] not in self._irregular]
        found = regular(self._plan.connection_id, known, self._plan.preferences)
        for person in people:
            if recipients[person] in self._irregular:
                with suppress(NotFound):
                    found.append(await self._recipients.get(self._plan.tenant, self._location, recipients[person]))
        return found

    def _decision(self, people: Sequence[ObjectId], stored: Sequence[Recipient]) -> Decision:
        after = self._changes.after.users
        wanted = {each: after[each] for each in people if each in after}
        connection, everyone = self._plan.connection_id, self._plan.everyone
        proof = AbsenceProof.of((everyone,), {everyone: self._changes.after}, connection)
        return decide(wanted, stored, self._plan.preferences, proof, connection=connection)
