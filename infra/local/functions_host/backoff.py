"""How long an idle queue is left alone."""

import random

_FIRST_S = 0.1


class Backoff:
    """100 ms, then `100 + U(0.8, 1.2) x 2^(n-1) x 100` ms up to the maximum; a message starts it again.

    Source: RandomizedExponentialBackoffStrategy.cs of the Storage extension.
    """

    def __init__(self, max_s: float) -> None:
        self._max_s = max(max_s, _FIRST_S)
        self._exponent = 0

    def reset(self) -> None:
        """A message was found: the next wait is the shortest."""
        self._exponent = 0

    def next_s(self) -> float:
        """Seconds to wait before asking again."""
        if self._exponent == 0:
            self._exponent = 1
            return _FIRST_S
        spread = random.uniform(0.8, 1.2)  # noqa: S311 (spreads load, guards nothing)
        wait_s = _FIRST_S + spread * 2.0 ** (self._exponent - 1) * _FIRST_S
        if wait_s >= self._max_s:
            return self._max_s
        self._exponent += 1
        return wait_s
