"""An event loop with virtual time, in which nothing happens by itself."""

import asyncio
import selectors
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextvars import Context
from typing import Any, Final

#: Timers fire if they are due within this time, in seconds: after a year, floating-point numbers are no finer.
_RESOLUTION_S: Final = 1e-6


class Stalled(Exception):
    """All coroutines wait for something that cannot happen."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that asks `idle` what happens next whenever no coroutine can go on.

    `idle` returns whether it made a coroutine go on. If it did not, time passes until the next timer.
    """

    def __init__(self, idle: Callable[[], bool]) -> None:
        self._now_s = 0.0
        self._idle = idle
        super().__init__(_NoSelector(self))
        self._clock_resolution = _RESOLUTION_S

    def time(self) -> float:
        """Return the virtual time, in seconds."""
        return self._now_s

    def pass_time(self, seconds: float) -> None:
        """Let time pass. Timers that are due then fire afterwards."""
        self._now_s += seconds

    def has_timers(self) -> bool:
        """Return whether a coroutine waits for time to pass."""
        return any(not timer.cancelled() for timer in self._scheduled)  # type: ignore[attr-defined] # no public name

    def call_soon(  # type: ignore[override] # as it is called
        self,
        callback: Callable[..., object],
        *args: Any,  # noqa: ANN401 - any function
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Call the function when the loop goes on. Nothing is checked: this is most of what the loop does."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)  # type: ignore[attr-defined] # no public name
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment] # there is one thread

    def _asyncgen_firstiter_hook(self, agen: object) -> None:
        """Keep no list of the generators that have begun: they end with their coroutines."""

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

    def wait(self, timeout: float | None) -> None:
        """Do what happens next. Raises Stalled if nothing can."""
        if timeout == 0 or self._idle():
            return
        if timeout is None:
            raise Stalled
        self._now_s += timeout


class _NoSelector(selectors.BaseSelector):
    """A selector of files of which none is ever ready."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:  # noqa: ANN401 - as the base
        return selectors.SelectorKey(fileobj, 0, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:  # noqa: ANN401 - as the base
        return selectors.SelectorKey(fileobj, 0, 0, None)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop.wait(timeout)
        return []

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:  # noqa: ANN401 - as the base
        raise KeyError(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}
