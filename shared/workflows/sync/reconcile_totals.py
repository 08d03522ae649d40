"""Totals of the decisions about a location."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from shared.domain.ids import LocationId
from shared.domain.problem import Problem
from shared.domain.recipient import Change, Counts
from shared.domain.reconcile.candidate import MAX_NAMED_BYTES, MAX_NAMED_CANDIDATES, Candidate
from shared.domain.reconcile.decide import Decision
from shared.domain.reconcile.questions import MAX_QUESTIONS, Questions
from shared.domain.reconcile.relink import MAX_RELINK_BYTES, MAX_RELINKS, Relink
from shared.domain.sync.jobs import ReconcileResult

#: Maximum number of skipped people that are named; all of them are counted.
_NAMED_SKIPS: Final = 500


@dataclass(slots=True, kw_only=True)
class ReconcileTotals:
    """Totals over all partitions. What is named is bounded, what is counted is complete."""

    counts: Counts = field(default_factory=Counts)
    baseline: int = 0
    active: int = 0
    candidates: int = 0
    named: list[Candidate] = field(default_factory=list)
    named_bytes: int = 0
    skipped: list[Change] = field(default_factory=list)
    #: The first changes, up to `named_changes`, without the recipients before them.
    changes: list[Change] = field(default_factory=list)
    named_changes: int = 0
    relinks: list[Relink] = field(default_factory=list)
    relink_bytes: int = 0
    #: What to ask about people who are missing from a partial read.
    questions: Questions = field(default_factory=lambda: Questions(MAX_QUESTIONS, None))

    def add(self, decision: Decision) -> None:
        """Add the decision of one more partition."""
        self.counts += Counts.of([write.change for write in decision.writes]) + Counts(skipped=len(decision.skipped))
        self.baseline += decision.baseline
        self.active += decision.active
        for candidate in decision.candidates:
            if candidate.account_only:
                self.questions.add(candidate)
                continue
            self.candidates += 1
            if len(self.named) < MAX_NAMED_CANDIDATES and self.named_bytes + candidate.size <= MAX_NAMED_BYTES:
                self.named.append(candidate)
                self.named_bytes += candidate.size
        self._add_relinks(decision.relinks)
        self.skipped += decision.skipped[: _NAMED_SKIPS - len(self.skipped)]
        for write in decision.writes[: self.named_changes - len(self.changes)]:
            self.changes.append(msgspec.structs.replace(write.change, before=None))

    def _add_relinks(self, relinks: Sequence[Relink]) -> None:
        for relink in relinks:
            size = len(msgspec.msgpack.encode(relink))
            if len(self.relinks) < MAX_RELINKS and self.relink_bytes + size <= MAX_RELINK_BYTES:
                self.relinks.append(relink)
                self.relink_bytes += size

    def add_unchanged(self, active: int) -> None:
        """Add the people who were not decided, given the number of active recipients of the location before."""
        self.active += active - self.baseline
        self.baseline = active

    def drop_candidates(self) -> None:
        """Drop all candidates: a source was not read completely after all."""
        self.candidates = 0
        self.named.clear()
        self.questions.clear()

    def result(self, location: LocationId, input_fingerprint: str | None, problem: Problem | None) -> ReconcileResult:
        """Return the totals as the result of a location."""
        return ReconcileResult(
            location=location,
            counts=self.counts,
            baseline=self.baseline,
            active=self.active,
            candidates=(*self.named, *self.questions.chosen),
            unnamed_candidates=self.candidates - len(self.named),
            relinks=tuple(self.relinks),
            input_fingerprint=input_fingerprint,
            skipped=tuple(self.skipped),
            previewed=tuple(self.changes),
            problem=problem,
        )
