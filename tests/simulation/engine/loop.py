"""An event loop with virtual time, in which nothing happens by itself."""

import asyncio
import sys
from asyncio.events import _set_running_loop
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import Context
from heapq import heappop
from typing import Any, Final

#: Timers fire if they are due within this time, in seconds: after a year, floating-point numbers are no finer.
_RESOLUTION_S: Final = 1e-6


class Stalled(Exception):
    """All coroutines wait for something that cannot happen."""


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop that asks `idle` what happens next whenever no coroutine can go on.

    `idle` returns whether it made a coroutine go on. If it did not, time passes until the next timer. The loop has no
    files and no other threads, so that it does only what asyncio's own loop does between looking at them.
    """

    # Without public names, in the base class: what can go on, and a heap of timers.
    _ready: Any
    _scheduled: list[Any]

    def __init__(self, idle: Callable[[], bool]) -> None:
        super().__init__()
        self._now_s = 0.0
        self._idle = idle
        self._stops = False

    def time(self) -> float:
        """Return the virtual time, in seconds."""
        return self._now_s

    def pass_time(self, seconds: float) -> None:
        """Let time pass. Timers that are due then fire afterwards."""
        self._now_s += seconds

    def has_timers(self) -> bool:
        """Return whether a coroutine waits for time to pass."""
        return any(not timer.cancelled() for timer in self._scheduled)

    def run_forever(self) -> None:
        """Let coroutines go on until the loop is stopped. Raises Stalled if none can."""
        ready, hooks = self._ready, sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(finalizer=self._asyncgen_finalizer_hook)  # type: ignore[attr-defined] # no public name
        _set_running_loop(self)
        self._stops = False
        try:
            while not self._stops:
                if not ready:
                    self._go_on()
                self._fire()
                for _ in range(len(ready)):
                    handle = ready.popleft()
                    if not handle.cancelled():
                        handle._run()
        finally:
            _set_running_loop(None)
            sys.set_asyncgen_hooks(*hooks)

    def stop(self) -> None:
        """Let `run_forever` return after what can go on now."""
        self._stops = True

    def _go_on(self) -> None:
        if self._idle():
            return
        while self._scheduled and self._scheduled[0].cancelled():
            heappop(self._scheduled)
        if not self._scheduled:
            raise Stalled
        self._now_s = max(self._now_s, self._scheduled[0].when())

    def _fire(self) -> None:
        """Let the coroutines go on whose timers are due."""
        while self._scheduled and self._scheduled[0].when() < self._now_s + _RESOLUTION_S:
            self._ready.append(heappop(self._scheduled))

    def call_soon(  # type: ignore[override] # as it is called
        self,
        callback: Callable[..., object],
        *args: Any,  # noqa: ANN401 - any function
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Call the function when the loop goes on. Nothing is checked: this is most of what the loop does."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment] # there is one thread

    def run_in_executor(  # type: ignore[override] # as a coroutine would be awaited
        self,
        executor: Executor | None,
        func: Callable[..., Any],
        *args: Any,  # noqa: ANN401 - any function
    ) -> "asyncio.Future[Any]":
        """Call the function now."""
        del executor
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whatever the function raises is raised by the future
            future.set_exception(error)
        return future
