"""Calls between the host and a worker process, in both directions, over one pair of sockets.

Both processes belong to this project and only they have the sockets, so values are pickled.
"""

import asyncio
import itertools
import pickle
import socket
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, Self

#: answers calls of one name; gets their arguments
Handler = Callable[..., Awaitable[object]]

#: length of the number before each frame, in bytes
_PREFIX: Final = 4
#: larger frames are read in pieces of this length, in bytes
_PIECE: Final = 256 * 1024
#: Decodes larger frames. In Azure as well, messages from the host are read by a thread of the worker, and not by its
#: event loop, which a request of 32 MiB would occupy for tens of milliseconds.
_READER: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="channel")


class CallFailed(Exception):
    """The other process failed to answer a call. The message is its traceback."""


class Channel:
    """One end of the connection. Both ends may call at any time; results arrive in any order."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handlers: Mapping[str, Handler]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._handlers = handlers
        self._numbers = itertools.count()
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._answering: dict[int, asyncio.Task[None]] = {}

    @classmethod
    async def open(cls, end: socket.socket, handlers: Mapping[str, Handler]) -> Self:
        """Return the channel of this end. Calls are answered by `handlers`, by name, while `listen` runs."""
        reader, writer = await asyncio.open_unix_connection(sock=end)
        return cls(reader, writer, handlers)

    @property
    def is_closed(self) -> bool:
        """Whether one of the processes has closed its end."""
        return self._writer.is_closing()

    def answers(self, name: str) -> bool:
        """Return whether this end answers calls of a name."""
        return name in self._handlers

    async def call(self, name: str, *arguments: object) -> Any:  # noqa: ANN401 (whatever the handler returns)
        """Return the result of a handler in the other process. Cancelling cancels the handler.

        Raises:
            CallFailed: The handler raised an error.
            ConnectionError: The other process has ended.
        """
        number = next(self._numbers)
        result = self._calls[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send("call", number, name, arguments)
            return await result
        except asyncio.CancelledError:
            with suppress(ConnectionError):
                await self._send("cancel", number)
            raise
        finally:
            del self._calls[number]

    async def listen(self) -> None:
        """Answer calls until one of the processes closes its end. Then calls without a result fail."""
        try:
            with suppress(EOFError, ConnectionError):
                while True:
                    self._take(*await self._frame())
        finally:
            self._writer.close()
            for result in self._calls.values():
                if not result.done():
                    result.set_exception(ConnectionError("The other process has ended."))
            for task in self._answering.values():
                task.cancel()

    def close(self) -> None:
        """Close this end. The other process ends, if it is a worker."""
        self._writer.close()

    async def _frame(self) -> tuple[Any, ...]:
        left = int.from_bytes(await self._reader.readexactly(_PREFIX))
        if left <= _PIECE:
            return _decoded([await self._reader.readexactly(left)])
        pieces = []
        while left:
            pieces.append(await self._reader.readexactly(min(left, _PIECE)))
            left -= len(pieces[-1])
        return await asyncio.get_running_loop().run_in_executor(_READER, _decoded, pieces)

    def _take(self, kind: str, number: int, *content: Any) -> None:  # noqa: ANN401 (what `call` and `_answer` send)
        if kind == "call":
            task = self._answering[number] = asyncio.create_task(self._answer(number, *content))
            task.add_done_callback(lambda _: self._answering.pop(number))
        elif kind == "cancel":
            if (answering := self._answering.get(number)) is not None:
                answering.cancel()
        elif (result := self._calls.get(number)) is not None and not result.done():
            if kind == "result":
                result.set_result(content[0])
            else:
                result.set_exception(CallFailed(content[0]))

    async def _answer(self, number: int, name: str, arguments: tuple[Any, ...]) -> None:
        try:
            result = await self._handlers[name](*arguments)
        except Exception:  # noqa: BLE001 (the caller gets the error)
            await self._send("error", number, traceback.format_exc())
        else:
            await self._send("result", number, result)

    async def _send(self, *frame: object) -> None:
        if self._writer.is_closing():
            raise ConnectionError("The other process has ended.")
        content = pickle.dumps(frame, pickle.HIGHEST_PROTOCOL)
        self._writer.write(len(content).to_bytes(_PREFIX) + content)
        await self._writer.drain()


def _decoded(pieces: Sequence[bytes]) -> tuple[Any, ...]:
    frame: tuple[Any, ...] = pickle.loads(b"".join(pieces))  # noqa: S301 (our own process)
    return frame
