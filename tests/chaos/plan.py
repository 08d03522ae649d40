"""Which rounds there are: their sizes, and what happens in each of their steps."""

from collections.abc import Sequence
from typing import Final

import msgspec

from tests.chaos import waits
from tests.chaos.events import Event

#: Number of small and of large rounds, and their recipients.
SMALL_ROUNDS: Final = 20
LARGE_ROUNDS: Final = 10
SMALL: Final = 2_000
LARGE: Final = 100_000
#: The small round at real waits, and its events: each way in which a message or an import comes to another worker.
_REAL_WAITS: Final = 19
_AT_REAL_WAITS: Final = (Event.KILL_HOST, Event.KILL_WORKER, Event.STOP_HOST)
#: Requests of which one meets a fault, in small and in large rounds.
_SMALL_RATE: Final = 0.12
_LARGE_RATE: Final = 0.03

_SYNC: Final = (
    Event.KILL_HOST,
    Event.KILL_WORKER,
    Event.END_STORAGE,
    Event.STOP_HOST,
    Event.FAULTY_VAULT,
    Event.KILL_DIRECTORY,
    Event.TWO_HOSTS,
    Event.CLOCK_AHEAD,
    Event.CLOCK_BEHIND,
)
_IMPORT: Final = (
    Event.END_STORAGE,
    Event.KILL_WORKER,
    Event.FULL_DISK,
    Event.KILL_HOST,
    Event.STOP_HOST,
    Event.CLOCK_AHEAD,
    Event.TWO_HOSTS,
)
_BOTH: Final = (
    Event.STOP_HOST,
    Event.END_STORAGE,
    Event.KILL_HOST,
    Event.KILL_WORKER,
    Event.CLOCK_BEHIND,
    Event.KILL_VAULT,
)


#: What needs storage and vault on disk. Azurite does not cope with the rows of large rounds there.
_ON_DISK: Final = frozenset({Event.END_STORAGE, Event.KILL_VAULT})


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a round: what the tenant does, and what happens to the stack."""

    #: Any of "sync" and "import".
    does: tuple[str, ...]
    event: Event
    #: Version of the imported file. The directory has changed before a step of the second version.
    version: int = 1


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One round."""

    number: int
    recipients: int
    #: All waits are divided by it.
    factor: float
    #: Share of the requests to storage that meet a fault.
    rate: float
    full: bool
    steps: tuple[Step, ...]

    @property
    def on_disk(self) -> bool:
        """Return whether storage and vault have to outlive their processes."""
        return any(step.event in _ON_DISK for step in self.steps)


def rounds() -> list[Round]:
    """Return all rounds, the small ones first."""
    return [*map(_small, range(SMALL_ROUNDS)), *map(_large, range(LARGE_ROUNDS))]


def _small(number: int) -> Round:
    events = _SYNC[number % len(_SYNC)], _IMPORT[number % len(_IMPORT)], _BOTH[number % len(_BOTH)]
    sync, file, both = _AT_REAL_WAITS if number == _REAL_WAITS else events
    return Round(
        number=number,
        recipients=SMALL,
        factor=1.0 if number == _REAL_WAITS else waits.FACTOR,
        rate=_SMALL_RATE,
        full=number % 2 == 0,
        steps=(
            Step(does=("sync",), event=sync),
            Step(does=("import",), event=file),
            Step(does=("sync", "import"), event=both, version=2),
        ),
    )


def _large(number: int) -> Round:
    """Return a round of imports or of syncs: both would take too long."""
    does, first = (("import",), _in_memory(_IMPORT)) if number % 2 else (("sync",), _in_memory(_SYNC))
    second = _in_memory(_BOTH)
    return Round(
        number=SMALL_ROUNDS + number,
        recipients=LARGE,
        factor=waits.FACTOR,
        rate=_LARGE_RATE,
        full=number % 4 < 2,
        steps=(
            Step(does=does, event=first[number // 2 % len(first)]),
            Step(does=does, event=second[number % len(second)], version=2),
        ),
    )


def _in_memory(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event not in _ON_DISK]
