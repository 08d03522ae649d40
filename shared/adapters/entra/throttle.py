"""How fast one customer's requests go: not at all while Graph says wait, and fewer at once as its limit comes near.

Every request passes here, those that the SDK sends again included, so whatever one is told holds for all. Time is the
event loop's, in seconds; nothing is done while nothing happens.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from math import inf, isfinite
from typing import Final

from shared.adapters.entra.retry_after import MAX_WAIT_S, retry_after_s
from shared.errors import Transient

#: Over how long Graph adds up what requests cost, in seconds.
#: Source: https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits
WINDOW_S: Final = 10.0
#: Share of the limit from which on Graph tells how much is used, and from which on fewer requests go at once.
#: Source: https://learn.microsoft.com/graph/throttling-limits (x-ms-throttle-limit-percentage)
SLOW_FROM: Final = 0.8
#: Share at which nothing is left for another request: what remains is less than a refusal costs.
_ALL: Final = 0.99
#: Refusals without a time to wait: the first such wait, and the longest; each is between half of it and all of it.
_BACKOFF_S: Final = 1.0
_LONGEST_BACKOFF_S: Final = 8.0
#: Longest wait that is believed, in seconds; after it one request finds out.
_LONGEST_WAIT_S: Final = 3_600.0
#: Statuses that say: not now, and not anybody.
REFUSALS: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class Pace:
    """Lets requests of one customer go, first come, first served, and learns from the answers.

    After a wait one request goes alone; the others follow its answer, so that eight are not refused where one would do.
    """

    def __init__(self, slots: int, *, draw: Callable[[], float] = random.random) -> None:
        """Let `slots` requests be under way at most; `draw` gives numbers from 0 to 1, for back-off."""
        self._slots = slots
        self._draw = draw
        self._door = asyncio.Lock()  # who waits at its head waits for all
        self._changed = asyncio.Event()
        self._under_way = 0
        #: Nothing is sent before this; since when that is known; and how many such waits Graph did not measure.
        self._closed_until_s = self._closed_s = -inf
        self._unmeasured = 0
        #: Whether a wait was not followed by an answer yet, and whether a request is on its way to get one.
        self._cautious = self._trying = False
        #: How much of the limit is used, and when the answer came that said so.
        self._share = 0.0
        self._heard_s = -inf
        #: When the share was first seen below SLOW_FROM: a window began at that moment or before.
        self._began_s: float | None = None

    @staticmethod
    def now_s() -> float:
        """Return the time of the event loop, in seconds."""
        return asyncio.get_running_loop().time()

    @property
    def left_s(self) -> float:
        """Return for how long no request will be sent, in seconds."""
        return max(0.0, self._closed_until_s - self.now_s())

    @property
    def is_free(self) -> bool:
        """Whether nothing is known of a limit: no wait, and less than SLOW_FROM of it used."""
        if self._known_s() <= 0:
            self._forget()
        return self.left_s == 0 and not self._cautious and self._share < SLOW_FROM

    @asynccontextmanager
    async def passage(self) -> AsyncIterator[float]:
        """Give the moment at which a request goes, when it may; it counts as under way inside the context.

        Raises: Transient (`throttled`), and nothing is to be sent, when the wait is one for the queue.
        """
        entered_s = self.now_s()
        async with self._door:
            while (wait_s := self._wait_s(entered_s)) > 0:
                self._changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s if isfinite(wait_s) else None):
                        await self._changed.wait()
            tries = self._trying = self._cautious
            self._under_way += 1
        try:
            yield self.now_s()
        finally:
            self._under_way -= 1
            if tries:
                self._trying = False
            self._changed.set()

    def heard(self, status: int, headers: Mapping[str, str], *, sent_s: float) -> None:
        """Learn from an answer that has just come, or from a part of one, to a request of then."""
        if status in REFUSALS:
            self._refused(retry_after_s(headers), sent_s)
        else:
            if sent_s >= self._closed_s:
                self._cautious, self._unmeasured = False, 0
            share = _share_of(status, headers)
            if share is not None:
                self._used(share, sent_s)
        self._changed.set()

    def _wait_s(self, entered_s: float) -> float:
        """Return 0 if a request may go, else when to look again unless something changes before; infinite is never."""
        now_s = self.now_s()
        closed_s = self._closed_until_s - now_s
        if closed_s > 0:
            if closed_s > MAX_WAIT_S or now_s - entered_s > MAX_WAIT_S:
                raise Transient(
                    f"Microsoft Graph limits our requests: none is sent for {closed_s:.0f} s.",
                    code="throttled",
                    retry_after_s=closed_s,
                )
            return closed_s
        known_s = self._known_s()
        if known_s <= 0:
            self._forget()
        if not (self._trying if self._cautious else self._under_way >= self._allowed()):
            return 0
        return known_s if self._cautious or self._share >= SLOW_FROM else inf

    def _known_s(self) -> float:
        """Return for how long what was heard last is still counted, in seconds."""
        return max(self._heard_s, self._closed_until_s) + WINDOW_S - self.now_s()

    def _forget(self) -> None:
        self._share, self._began_s, self._cautious, self._unmeasured = 0.0, None, False, 0

    def _allowed(self) -> int:
        """Return how many requests may be under way: all slots up to SLOW_FROM, then fewer, one when all is used."""
        left = min(1.0, max(0.0, 1 - self._share) / (1 - SLOW_FROM))
        return 1 + int((self._slots - 1) * left)

    def _refused(self, told_s: float | None, sent_s: float) -> None:
        """Send nothing for as long as was told, or for longer each time if nothing was."""
        if not told_s:
            # what was on its way at an earlier refusal meets the same one
            if sent_s >= self._closed_s or not self._unmeasured:
                self._unmeasured += 1
            longest_s = min(_LONGEST_BACKOFF_S, _BACKOFF_S * 2.0 ** (self._unmeasured - 1))
            told_s = longest_s * (1 + self._draw()) / 2
        self._close(self.now_s() + min(told_s, _LONGEST_WAIT_S))

    def _used(self, share: float, sent_s: float) -> None:
        """Note the share. Once a window is used up, send nothing until it must be over: Graph need not say so."""
        now_s = self.now_s()
        if share < self._share and sent_s < self._heard_s:
            return  # requests overtake each other: this one may well have been counted before
        if share < SLOW_FROM and sent_s >= self._closed_s and (self._began_s is None or self._share >= SLOW_FROM):
            self._began_s = now_s
        self._share, self._heard_s = share, now_s
        if share >= _ALL and self._began_s is not None and sent_s >= self._began_s:
            self._close(self._began_s + WINDOW_S)

    def _close(self, until_s: float) -> None:
        """Send nothing before then, and learn anew what is used. What is past already closes nothing."""
        self._began_s = None
        if until_s > self.now_s():
            self._closed_until_s = max(self._closed_until_s, until_s)
            self._closed_s, self._cautious = self.now_s(), True


def _share_of(status: int, headers: Mapping[str, str]) -> float | None:
    """Return the share of the limit that an answer tells; below SLOW_FROM none is told. None: it says nothing."""
    text = next((value for name, value in headers.items() if name.lower() == "x-ms-throttle-limit-percentage"), None)
    if text is None:
        return 0.0 if status == HTTPStatus.OK else None
    try:
        share = float(text)
    except ValueError:
        return None
    return share if isfinite(share) else None
