"""Adaptive throttle for the Graph requests of one tenant: a rate limiter with a half-open circuit breaker.

It sends nothing while Graph asks to wait, and lowers concurrency as Graph's limit comes near. All requests share it,
including retries of the SDK, so a wait that one answer asks for holds for all of them. Times are the event loop's, in
seconds; no background task runs.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from math import inf, isfinite
from typing import Final

from shared.adapters.entra.retry_after import retry_after_s
from shared.domain.retry_policy import GRAPH_THROTTLE, MAX_WAIT_IN_WORKER_S
from shared.errors import Transient

#: Window over which Graph adds up the cost of requests, in seconds.
#: Source: https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits
WINDOW_S: Final = 10.0
#: Used share of the limit (0..1) from which Graph reports it, and from which concurrency is lowered.
#: Source: https://learn.microsoft.com/graph/throttling-limits (x-ms-throttle-limit-percentage)
SLOW_FROM: Final = 0.8
#: Used share (0..1) at which no further request fits: the rest is less than the cost of a refused one.
_ALL: Final = 0.99
#: Maximum `Retry-After` that is obeyed, in seconds; afterwards one request probes.
_LONGEST_WAIT_S: Final = 3_600.0
#: Statuses that stop all requests of the tenant.
REFUSALS: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class AdaptiveThrottle:
    """Admits the requests of one tenant in order of arrival, and adapts to the answers.

    After a wait it is half-open: one request probes, and the others wait for its answer.
    """

    def __init__(self, slots: int, *, draw: Callable[[], float] = random.random) -> None:
        """Admit at most `slots` concurrent requests; `draw` returns numbers from 0 to 1, for jitter."""
        self._slots = slots
        self._draw = draw
        self._admission_lock = asyncio.Lock()  # its holder waits on behalf of all requests behind it
        self._changed = asyncio.Event()
        self._in_flight = 0
        #: End of the present wait, when it was set, and the number of waits in a row without `Retry-After`.
        self._closed_until_s = self._closed_s = -inf
        self._unmeasured = 0
        #: Whether a wait has not been followed by an answer yet, and whether a request is in flight to get one.
        self._half_open = self._probe_in_flight = False
        #: Used share of the limit, and the time of the answer that reported it.
        self._share = 0.0
        self._recorded_s = -inf
        #: Time at which the share was first seen below SLOW_FROM: a window began then or before.
        self._began_s: float | None = None

    @staticmethod
    def now_s() -> float:
        """Return the time of the event loop, in seconds."""
        return asyncio.get_running_loop().time()

    @property
    def left_s(self) -> float:
        """The rest of the present wait, in seconds; 0 without a wait."""
        return max(0.0, self._closed_until_s - self.now_s())

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[float]:
        """Wait until a request may be sent, and yield that time; the request counts as in flight inside the context.

        Raises Transient (`throttled`) if the wait is so long that the job should go back to its queue.
        """
        entered_s = self.now_s()
        async with self._admission_lock:
            while (wait_s := self._wait_s(entered_s)) > 0:
                self._changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s if isfinite(wait_s) else None):
                        await self._changed.wait()
            probes = self._probe_in_flight = self._half_open
            self._in_flight += 1
        try:
            yield self.now_s()
        finally:
            self._in_flight -= 1
            if probes:
                self._probe_in_flight = False
            self._changed.set()

    def record_response(self, status: int, headers: Mapping[str, str], *, sent_s: float) -> None:
        """Adapt to the response, or part of a `$batch` response, to a request that was sent at `sent_s`.

        Names of headers are in lower case, or compared without case.
        """
        if status in REFUSALS:
            self._refused(retry_after_s(headers), sent_s)
        else:
            if sent_s >= self._closed_s:
                self._half_open, self._unmeasured = False, 0
            share = _share_of(status, headers)
            if share is not None:
                self._used(share, sent_s)
        self._changed.set()

    def _wait_s(self, entered_s: float) -> float:
        """Return 0 if a request may be sent, else the seconds after which to check again, unless notified before."""
        now_s = self.now_s()
        closed_s = self._closed_until_s - now_s
        if closed_s > 0:
            if closed_s > MAX_WAIT_IN_WORKER_S or now_s - entered_s > MAX_WAIT_IN_WORKER_S:
                raise Transient(
                    f"Microsoft Graph limits our requests: none is sent for {closed_s:.0f} s.",
                    code="throttled",
                    retry_after_s=closed_s,
                )
            return closed_s
        known_s = self._known_s()
        if known_s <= 0:
            self._forget()
        if not (self._probe_in_flight if self._half_open else self._in_flight >= self._allowed()):
            return 0
        return known_s if self._half_open or self._share >= SLOW_FROM else inf

    def _known_s(self) -> float:
        """Return the time for which the last response still counts, in seconds."""
        return max(self._recorded_s, self._closed_until_s) + WINDOW_S - self.now_s()

    def _forget(self) -> None:
        self._share, self._began_s, self._half_open, self._unmeasured = 0.0, None, False, 0

    def _allowed(self) -> int:
        """Return the allowed concurrency: all slots up to SLOW_FROM, then fewer, one when the limit is used up."""
        left = min(1.0, max(0.0, 1 - self._share) / (1 - SLOW_FROM))
        return 1 + int((self._slots - 1) * left)

    def _refused(self, asked_s: float | None, sent_s: float) -> None:
        """Wait as long as Graph asks, or back off exponentially if it does not say."""
        if not asked_s:
            # requests that were in flight at an earlier refusal meet the same one
            if sent_s >= self._closed_s or not self._unmeasured:
                self._unmeasured += 1
            longest_s = GRAPH_THROTTLE.wait_s(self._unmeasured - 1)
            asked_s = longest_s * (1 + self._draw()) / 2
        self._close(self.now_s() + min(asked_s, _LONGEST_WAIT_S))

    def _used(self, share: float, sent_s: float) -> None:
        """Record the used share. When the limit is used up, wait for the end of the window without a refusal."""
        now_s = self.now_s()
        if share < self._share and sent_s < self._recorded_s:
            return  # responses overtake each other: this one may have been counted already
        if share < SLOW_FROM and sent_s >= self._closed_s and (self._began_s is None or self._share >= SLOW_FROM):
            self._began_s = now_s
        self._share, self._recorded_s = share, now_s
        if share >= _ALL and self._began_s is not None and sent_s >= self._began_s:
            self._close(self._began_s + WINDOW_S)

    def _close(self, until_s: float) -> None:
        """Wait until that time, then probe. A time in the past starts no wait."""
        self._began_s = None
        if until_s > self.now_s():
            self._closed_until_s = max(self._closed_until_s, until_s)
            self._closed_s, self._half_open = self.now_s(), True


def _share_of(status: int, headers: Mapping[str, str]) -> float | None:
    """Return the used share of the limit that a response reports, 0 if it is below SLOW_FROM, None if unknown."""
    text = headers.get("x-ms-throttle-limit-percentage")
    if text is None:
        return 0.0 if status == HTTPStatus.OK else None
    try:
        share = float(text)
    except ValueError:
        return None
    return share if isfinite(share) else None
