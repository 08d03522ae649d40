"""The faults of a history, and when they happen: at random, or at one chosen effect."""

import random
from collections import Counter
from enum import StrEnum
from typing import Final, Protocol


class Fault(StrEnum):
    """What can happen to one effect of an actor."""

    #: The actor's process dies before it.
    CRASH_BEFORE = "crash before"
    #: The actor's process dies after it.
    CRASH_AFTER = "crash after"
    #: It is not done, and the actor is told so (503).
    REFUSED = "refused"
    #: It is not done, and the actor is told to wait (429, or 503 with `Retry-After`).
    THROTTLED = "throttled"
    #: It is done, its answer is lost, and the SDK sends it again; others may come in between.
    RETRIED = "sent again"
    #: It is done, and the actor is told that it does not know (a timeout after all retries).
    LOST = "answer lost"
    #: It is done later, and the actor is told that it does not know.
    DELAYED = "delayed"
    #: It is done, and done again later.
    DUPLICATED = "duplicated"


#: Faults of an effect that only reads.
READING: Final = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.REFUSED, Fault.THROTTLED)
#: Faults of an effect that writes.
WRITING: Final = tuple(Fault)


class Plan(Protocol):
    """Decides which effects fail."""

    enabled: bool
    #: Number of effects that were to fail.
    due: int
    #: How often each fault happened.
    happened: Counter[str]
    #: The effects that failed, by number.
    at: dict[int, Fault]

    def of(self, number: int, label: str, *, writes: bool) -> Fault | None:
        """Return the fault of the effect with this number, counted over the history, and this label."""


class RandomFaults:
    """Faults at random effects. The same seed has the same faults, whatever else is random in the history."""

    def __init__(self, seed: int, rate: float, only: frozenset[int] | None = None) -> None:
        """Let a share of the effects fail; if `only` is given, none but these numbers, as when a trace is minimised."""
        self._random = random.Random(f"faults {seed}")
        self._rate = rate
        self._only = only
        self.happened: Counter[str] = Counter()
        #: The effects that failed, by number.
        self.at: dict[int, Fault] = {}
        self.enabled = True
        self.due = 0

    def of(self, number: int, label: str, *, writes: bool) -> Fault | None:
        """Return the fault of an effect."""
        del label
        chance, pick = self._random.random(), self._random.random()
        if not self.enabled or chance >= self._rate:
            return None
        self.due += 1
        if self._only is not None and number not in self._only:
            return None
        kinds = WRITING if writes else READING
        fault = kinds[int(pick * len(kinds))]
        self.at[number] = fault
        self.happened[fault] += 1
        return fault


class Recording:
    """No fault: notes what each effect is, and whether it writes."""

    def __init__(self) -> None:
        self.happened: Counter[str] = Counter()
        self.at: dict[int, Fault] = {}
        self.enabled = False
        self.due = 0
        self.calls: list[tuple[str, bool]] = []

    def of(self, number: int, label: str, *, writes: bool) -> Fault | None:
        """Note an effect, and return None."""
        del number
        if self.enabled:
            self.calls.append((label, writes))
        return None


class FaultAt:
    """One fault, at the n-th effect since it was enabled, from 0."""

    def __init__(self, fault: Fault, number: int) -> None:
        self._fault = fault
        self._left = number
        self.happened: Counter[str] = Counter()
        self.at: dict[int, Fault] = {}
        self.enabled = False
        self.due = 0
        #: What the effect is; None until it happens.
        self.label: str | None = None

    def of(self, number: int, label: str, *, writes: bool) -> Fault | None:
        """Return the fault of an effect."""
        if not self.enabled or self.label is not None:
            return None
        self._left -= 1
        if self._left >= 0:
            return None
        self.label = label
        if not writes and self._fault not in READING:
            return None
        self.at[number] = self._fault
        self.happened[self._fault] += 1
        return self._fault
