"""Resources of the simulation: rate limits, and instances of a function."""

import math

from infra.capacity.scale.limits import BILLED_AT_LEAST_S, BILLED_STEP_S


class Rate:
    """A resource with a limited rate, used in the order of the requests."""

    __slots__ = ("_free_s", "_per_s", "done")

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._free_s = 0.0
        self.done = 0.0

    def take(self, now_s: float, amount: float) -> float:
        """Use `amount` of the resource from now on. Return the time at which it has been provided."""
        if amount <= 0:
            return now_s
        self._free_s = max(now_s, self._free_s) + amount / self._per_s
        self.done += amount
        return self._free_s

    def used(self, over_s: float) -> float:
        """Return the used share of the resource over a duration, 0..1."""
        return self.done / self._per_s / over_s if over_s else 0.0


class Instance:
    """One instance of one function: a core, a number of messages in flight, and the billed time."""

    __slots__ = ("billed_s", "core", "in_flight", "since_s")

    def __init__(self, cores: float) -> None:
        self.core = Rate(cores)
        self.in_flight = 0
        self.since_s = 0.0
        self.billed_s = 0.0

    def begin(self, now_s: float) -> None:
        """Start a message."""
        if self.in_flight == 0:
            self.since_s = now_s
        self.in_flight += 1

    def end(self, now_s: float) -> None:
        """End a message, and bill the activity if it was the last one in flight."""
        self.in_flight -= 1
        if self.in_flight == 0:
            steps = math.ceil((now_s - self.since_s) / BILLED_STEP_S - 1e-9) * BILLED_STEP_S
            self.billed_s += max(BILLED_AT_LEAST_S, steps)
