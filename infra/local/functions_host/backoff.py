"""Back-off between two requests to an idle queue."""

import random

_FIRST_S = 0.1


class Backoff:
    """Exponential back-off: 100 ms, then `100 + U(0.8, 1.2) x 2^(n-1) x 100` ms up to the maximum. A message resets it.

    Source: RandomizedExponentialBackoffStrategy.cs of the Storage extension.
    """

    def __init__(self, max_s: float) -> None:
        self._max_s = max(max_s, _FIRST_S)
        self._exponent = 0
        self._is_longest = False

    def reset(self) -> None:
        """Reset to the shortest wait after a message was received."""
        self._exponent = 0
        self._is_longest = False

    def next_s(self) -> float:
        """Return the seconds to wait before the next request."""
        if self._exponent == 0:
            self._exponent = 1
            return _FIRST_S
        spread = random.uniform(0.8, 1.2)  # noqa: S311 (spreads load, protects nothing)
        wait_s = _FIRST_S + spread * 2.0 ** (self._exponent - 1) * _FIRST_S
        if self._is_longest or wait_s >= self._max_s:
            self._is_longest = True  # as in the extension, the longest wait stays until a message arrives
            return self._max_s
        self._exponent += 1
        return wait_s
