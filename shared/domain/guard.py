"""The guard: from when on deactivations wait for a person, so that a mistake in a directory empties no mailroom."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from shared.domain.ids import LocationId
from shared.domain.job import Candidate
from shared.domain.preferences import GuardLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What one location would lose. `recent` were deactivated in the last 24 hours, in earlier runs."""

    location: LocationId
    #: Active recipients of origin `directory` at the start of the run.
    baseline: int
    candidates: int
    recent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One limit that would be exceeded: where (None for the tenant as a whole), and a sentence with the numbers."""

    location: LocationId | None
    detail: str


def breaches(losses: Sequence[Loss], limits: GuardLimits) -> tuple[Breach, ...]:
    """Return every limit that the losses exceed, over the run and over the last 24 hours; none if they may go ahead.

    More candidates never give fewer breaches.
    """
    found = [breach for loss in losses if loss.candidates for breach in _of_location(loss, limits)]
    candidates = sum(loss.candidates for loss in losses)
    if candidates:
        recent = sum(loss.recent for loss in losses)
        baseline = sum(loss.baseline for loss in losses)
        if _is_large(candidates, baseline, limits) or _is_large(candidates + recent, baseline + recent, limits):
            found.append(Breach(location=None, detail=_sentence("the tenant", candidates, baseline, recent)))
    return tuple(found)


def _of_location(loss: Loss, limits: GuardLimits) -> Iterable[Breach]:
    over_a_day = Loss(
        location=loss.location, baseline=loss.baseline + loss.recent, candidates=loss.candidates + loss.recent
    )
    if any(
        each.candidates >= each.baseline
        or _is_large(each.candidates, each.baseline, limits)
        or (each.baseline >= limits.small_from and each.candidates > limits.small_max_share * each.baseline)
        for each in (loss, over_a_day)
    ):
        yield Breach(
            location=loss.location, detail=_sentence(loss.location, loss.candidates, loss.baseline, loss.recent)
        )


def _is_large(candidates: int, baseline: int, limits: GuardLimits) -> bool:
    return candidates > limits.max_people and candidates > limits.max_share * baseline


def _sentence(where: str, candidates: int, baseline: int, recent: int) -> str:
    earlier = f", after {recent} in the last 24 hours" if recent else ""
    return f"{candidates} of {baseline} active recipients of {where} would be deactivated{earlier}"


def digest(candidates: Iterable[tuple[LocationId, Candidate]]) -> str:
    """Return a hash of the exact set of people, which an approval is bound to; their order does not matter."""
    lines = sorted(f"{location} {candidate.recipient}" for location, candidate in candidates)
    return sha256("\n".join(lines).encode()).hexdigest()
