"""The guard: limits above which deactivations are held for approval, so that a mistake in a directory is harmless."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from shared.domain.ids import LocationId, RecipientId
from shared.domain.preferences.preferences import GuardLimits
from shared.domain.problem import Problem
from shared.domain.reconcile.candidate import Candidate

#: Code of the problems below.
_CODE: Final = "guard"


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """Deactivations at one location. `day` and `week` are the earlier ones of the last 24 hours and 7 days."""

    location: LocationId
    #: Active recipients of origin `directory` at the start of the run.
    baseline: int
    candidates: int
    day: int = 0
    week: int = 0


class Breach(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that would be exceeded: the location (None for the whole tenant) and a sentence with the numbers."""

    location: LocationId | None
    detail: str


def breaches(losses: Sequence[Loss], limits: GuardLimits) -> tuple[Breach, ...]:
    """Return the limits that the losses exceed, over the run, a day and a week; empty if the losses are allowed.

    Additional candidates never reduce the number of breaches.
    """
    exceeded = [breach for loss in losses if loss.candidates for breach in _of_location(loss, limits)]
    if candidates := sum(loss.candidates for loss in losses):
        baseline = sum(loss.baseline for loss in losses)
        for window, earlier in _windows(sum(loss.day for loss in losses), sum(loss.week for loss in losses)):
            if _is_large(candidates + earlier, baseline + earlier, limits):
                exceeded.append(Breach(location=None, detail=_sentence(candidates, baseline, window, earlier)))
                break
    return tuple(exceeded)


def _of_location(loss: Loss, limits: GuardLimits) -> Iterable[Breach]:
    for window, earlier in _windows(loss.day, loss.week):
        gone, baseline = loss.candidates + earlier, loss.baseline + earlier
        small = baseline >= limits.small_from and gone > limits.small_max_share * baseline
        if gone >= baseline or small or _is_large(gone, baseline, limits):
            detail = _sentence(loss.candidates, loss.baseline, window, earlier)
            yield Breach(location=loss.location, detail=detail)
            return


def _windows(day: int, week: int) -> tuple[tuple[str, int], ...]:
    """Return the time windows of the limits with the earlier deactivations in them: small losses add up."""
    return ("", 0), ("24 hours", day), ("7 days", week)


def _is_large(candidates: int, baseline: int, limits: GuardLimits) -> bool:
    return candidates > limits.max_people and candidates > limits.max_share * baseline


def _sentence(candidates: int, baseline: int, window: str, earlier: int) -> str:
    after = f", after {earlier} in the last {window}" if earlier else ""
    return f"{candidates} of {baseline} active recipients would be deactivated{after}"


def digest(candidates: Iterable[tuple[LocationId, Candidate]]) -> str:
    """Return the approval digest: a hash of the exact set of candidates, in any order. An approval is bound to it."""
    return digest_sorted(sorted((location, candidate.recipient) for location, candidate in candidates))


def digest_sorted(people: Iterable[tuple[LocationId, RecipientId]]) -> str:
    """Return the approval digest of sorted recipients. They are streamed, so memory use does not grow with them."""
    hash_ = sha256()
    separator = ""
    for location, recipient in people:
        hash_.update(f"{separator}{location} {recipient}".encode())
        separator = "\n"
    return hash_.hexdigest()


def would_hold(breach: Breach) -> Problem:
    """Return the problem of a preview whose sync would be held."""
    detail = f"{breach.detail}. This exceeds the deactivation limit, so a sync would wait for approval."
    return Problem(concerns=breach.location or "tenant", code=_CODE, detail=detail)


def held_problem(breach: Breach) -> Problem:
    """Return the problem of a held run."""
    return Problem(
        concerns=breach.location or "tenant",
        code=_CODE,
        detail=f"{breach.detail}. This exceeds the deactivation limit; the deactivations wait for approval.",
    )
