"""Resumable check: an existence check of many people, over one or more messages of a job."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from shared.domain.directory import Existence, Source
from shared.domain.ids import ObjectId
from shared.domain.sync.jobs import ExistenceAnswers
from shared.errors import Transient
from shared.ports.directory import Directory
from shared.ports.platform import Clock

#: Number of people whose existence is checked before the time is looked at; some twenty batches of requests.
_AT_A_TIME: Final = 400


class ResumableCheck:
    """The answers of one message, and those that earlier messages of the job have stored.

    If a message is interrupted, its `new` answers are stored. So a check that is told to wait again and again ends.
    """

    def __init__(self, clock: Clock, time_s: float, stored: Iterable[ExistenceAnswers]) -> None:
        """Continue after the `stored` answers, for about `time_s` seconds."""
        self._clock = clock
        self._ends_s = clock.monotonic_s() + time_s
        self._known: dict[str, dict[ObjectId, Existence]] = {}
        self.new = ExistenceAnswers()
        for answers in stored:
            for groups, people in answers.by_groups.items():
                self._known.setdefault(groups, {}).update(people)

    async def __call__(
        self, directory: Directory, people: Sequence[ObjectId], groups: Sequence[Source]
    ) -> Mapping[ObjectId, Existence]:
        """Return the existence of people, as `Directory.check_existence` does. Each person is asked about once.

        Raises:
            Transient: The time of this message is up, so that the next one has to continue (`time_up`).
            SyncError: As the directory raises.
        """
        name = " ".join(sorted(group.id for group in groups))
        known, new = self._known.setdefault(name, {}), self.new.by_groups.setdefault(name, {})
        unasked = [person for person in dict.fromkeys(people) if person not in known]
        for start in range(0, len(unasked), _AT_A_TIME):
            if self.has_progress and self._clock.monotonic_s() > self._ends_s:
                raise Transient("The next message continues the check.", code="time_up", retry_after_s=0)
            chunk = unasked[start : start + _AT_A_TIME]
            answers = await directory.check_existence(chunk, groups)
            known.update({person: answers.get(person, Existence.UNKNOWN) for person in chunk})
            new.update({person: answer for person, answer in answers.items() if answer is not Existence.UNKNOWN})
        return {person: known[person] for person in people}

    @property
    def has_progress(self) -> bool:
        """Whether this message has answers that are worth storing."""
        return any(self.new.by_groups.values())
