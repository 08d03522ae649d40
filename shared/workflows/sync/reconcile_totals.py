"""What comparing a location has found so far."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from shared.domain.ids import RecipientId
from shared.domain.recipient import Change, Counts
from shared.domain.reconcile.candidate import MAX_NAMED_BYTES, MAX_NAMED_CANDIDATES, Candidate
from shared.domain.reconcile.decide import Decision
from shared.domain.reconcile.predictable import MAX_IRREGULAR

#: How many of the skipped are named; all of them are counted.
_NAMED_SKIPS: Final = 500


@dataclass(slots=True, kw_only=True)
class Found:
    """What the decisions about all parts come to. What is named is bounded, what is counted is complete."""

    counts: Counts = field(default_factory=Counts)
    baseline: int = 0
    active: int = 0
    candidates: int = 0
    named: list[Candidate] = field(default_factory=list)
    named_bytes: int = 0
    skipped: list[Change] = field(default_factory=list)
    #: Who is irregular; None once that cannot be told.
    irregular: set[RecipientId] | None = field(default_factory=set)
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
        for candidate in decision.candidates:
            if len(self.named) < MAX_NAMED_CANDIDATES and self.named_bytes + candidate.size <= MAX_NAMED_BYTES:
                self.named.append(candidate)
                self.named_bytes += candidate.size
        self.skipped += decision.skipped[: _NAMED_SKIPS - len(self.skipped)]
        for write in decision.writes[: self.named_changes - len(self.changes)]:
            self.changes.append(msgspec.structs.replace(write.change, before=None))

    def _note(self, irregular: Sequence[RecipientId] | None) -> None:
        if self.irregular is not None and irregular is not None:
            self.irregular.update(irregular)
        if irregular is None or (self.irregular is not None and len(self.irregular) > MAX_IRREGULAR):
            self.irregular = None

    def widen(self, active: int, irregular: Collection[RecipientId]) -> None:
        """Add those whom nothing concerned, and the irregular among them; so many in all were active before."""
        self.active += active - self.baseline
        self.baseline = active
        self._note(tuple(irregular))
