"""An event loop whose clock jumps to whatever is waited for next, so that minutes pass at once and always alike."""

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    """Nothing ever comes from outside: what would be waited for a while is over at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the time pass. Raises: RuntimeError if everybody waits for ever."""
        if timeout is None:
            raise RuntimeError("nobody will ever wake anybody")
        self.now_s += max(0.0, timeout)
        return []


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Return how much time has passed, in seconds."""
        return self._virtual.now_s


def run(work: Coroutine[Any, Any, T]) -> T:
    """Return what comes of the work, in no time."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)


def now_s() -> float:
    """Return the time of the running loop, in seconds."""
    return asyncio.get_running_loop().time()


def share(value: float) -> Mapping[str, str]:
    """Return the header that tells how much of the limit is used; below 0.8 there is none."""
    return {"x-ms-throttle-limit-percentage": f"{value:.2f}"} if value >= 0.8 else {}
