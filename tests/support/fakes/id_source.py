"""Ids that can be predicted."""

from itertools import count

from shared.domain.ids import RunId, run_id_at
from shared.ports.platform import Clock


class FakeIdSource:
    """`IdSource` that numbers runs and attempts from 1 on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._runs = count(1)
        self._attempts = count(1)

    def new_run_id(self) -> RunId:
        """Return the id of a run that is requested now. Later ids sort before earlier ones."""
        return run_id_at(self._clock.now(), next(self._runs))

    def new_attempt_id(self) -> str:
        """Return the id of an attempt to do a job."""
        return f"{next(self._attempts):016x}"
