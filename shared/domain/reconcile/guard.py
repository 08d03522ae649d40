"""The guard: from when on deactivations wait for a person, so that a mistake in a directory empties no mailroom."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from shared.domain.ids import LocationId, RecipientId
from shared.domain.preferences.preferences import GuardLimits
from shared.domain.reconcile.candidate import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What one location would lose. `day` and `week` were deactivated earlier, in the last 24 hours and 7 days."""

    location: LocationId
    #: Active recipients of origin `directory` at the start of the run.
    baseline: int
    candidates: int
    day: int = 0
    week: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One limit that would be exceeded: where (None for the tenant as a whole), and a sentence with the numbers."""

    location: LocationId | None
    detail: str


def breaches(losses: Sequence[Loss], limits: GuardLimits) -> tuple[Breach, ...]:
    """Return every limit that the losses exceed, over the run, a day and a week; none if they may go ahead.

    More candidates never give fewer breaches.
    """
    found = [breach for loss in losses if loss.candidates for breach in _of_location(loss, limits)]
    if candidates := sum(loss.candidates for loss in losses):
        baseline = sum(loss.baseline for loss in losses)
        for window, earlier in _windows(sum(loss.day for loss in losses), sum(loss.week for loss in losses)):
            if _is_large(candidates + earlier, baseline + earlier, limits):
                found.append(Breach(location=None, detail=_sentence(candidates, baseline, window, earlier)))
                break
    return tuple(found)


def _of_location(loss: Loss, limits: GuardLimits) -> Iterable[Breach]:
    for window, earlier in _windows(loss.day, loss.week):
        gone, baseline = loss.candidates + earlier, loss.baseline + earlier
        small = baseline >= limits.small_from and gone > limits.small_max_share * baseline
        if gone >= baseline or small or _is_large(gone, baseline, limits):
            detail = _sentence(loss.candidates, loss.baseline, window, earlier)
            yield Breach(location=loss.location, detail=detail)
            return


def _windows(day: int, week: int) -> tuple[tuple[str, int], ...]:
    """Return over what the limits hold, and how many went there before: many small losses are a large one."""
    return ("", 0), ("24 hours", day), ("7 days", week)


def _is_large(candidates: int, baseline: int, limits: GuardLimits) -> bool:
    return candidates > limits.max_people and candidates > limits.max_share * baseline


def _sentence(candidates: int, baseline: int, window: str, earlier: int) -> str:
    after = f", after {earlier} in the last {window}" if earlier else ""
    return f"{candidates} of {baseline} active recipients would be deactivated{after}"


def digest(candidates: Iterable[tuple[LocationId, Candidate]]) -> str:
    """Return a hash of the exact set of people, which an approval is bound to; their order does not matter."""
    return digest_sorted(sorted((location, candidate.recipient) for location, candidate in candidates))


def digest_sorted(people: Iterable[tuple[LocationId, RecipientId]]) -> str:
    """Return the same hash of people who come sorted, one after the other, and are never held in memory at once."""
    found = sha256()
    between = ""
    for location, recipient in people:
        found.update(f"{between}{location} {recipient}".encode())
        between = "\n"
    return found.hexdigest()
