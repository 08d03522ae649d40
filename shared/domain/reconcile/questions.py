"""Questions about accounts: which candidates of a partial read a run asks the directory about, in turn."""

from typing import Final

from shared.domain.ids import RecipientId
from shared.domain.reconcile.candidate import Candidate

#: Maximum number of people that one run asks about although a source of their location could not be read.
MAX_QUESTIONS: Final = 1_000


class Questions:
    """Chooses the next candidates of one location after those of the last run, and begins again after the last one."""

    def __init__(self, limit: int, after: RecipientId | None) -> None:
        """Choose at most `limit` candidates, first those after the recipient `after`."""
        self._limit = limit
        self._after = after
        self._next: list[Candidate] = []
        self._first: list[Candidate] = []
        self._count = 0

    def add(self, candidate: Candidate) -> None:
        """Add a candidate. Candidates are added in the order of recipient ids."""
        self._count += 1
        later = self._after is None or candidate.recipient > self._after
        chosen = self._next if later else self._first
        if len(chosen) < self._limit:
            chosen.append(candidate)

    def clear(self) -> None:
        """Remove all candidates."""
        self._next, self._first, self._count = [], [], 0

    @property
    def chosen(self) -> tuple[Candidate, ...]:
        """The candidates to ask about."""
        return tuple((self._next + self._first)[: self._limit])

    @property
    def last(self) -> RecipientId | None:
        """After which recipient the next run continues; None if this run asks about all."""
        chosen = self.chosen
        return chosen[-1].recipient if chosen and self._count > self._limit else None


def share_of(locations: int) -> int:
    """Return how many people each of the locations with an unread source may ask about in one run."""
    return max(1, MAX_QUESTIONS // max(1, locations))
