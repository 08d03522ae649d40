"""Random ids, unique across processes."""

import secrets

from shared.domain.ids import RunId, run_id_at
from shared.ports.platform import Clock


class RandomIdSource:
    """`IdSource` with 32 random bits per run id and 64 per attempt id."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def new_run_id(self) -> RunId:
        """Create the id of a run that is requested now. Later ids sort before earlier ones."""
        return run_id_at(self._clock.now(), secrets.randbits(32))

    def new_attempt_id(self) -> str:
        """Create the id of an attempt at a job."""
        return secrets.token_hex(8)
