"""Together: small answers that many jobs of one customer want at about the same time, asked for as one request.

A hundred groups are a hundred jobs, each of which can fail, wait and be done again alone. To send a request and take
its answer costs a worker more CPU than to read who is in a group of some hundred.
"""

import asyncio
from collections.abc import Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec

from shared.adapters.entra import json_batch, links
from shared.errors import SyncError
from shared.runtime.fair_scheduler import one_job

if TYPE_CHECKING:
    from shared.adapters.entra.client import GraphClient

#: How long a request waits for others to go with, in seconds: little beside the way to Graph and back.
_GATHER_S: Final = 0.025
#: How long the answer to a batch is waited for, in seconds: it comes when its slowest part does. To ask alone
#: afterwards has to fit in before a first answer is late (`shared.runtime.adaptive_timeout`).
_PATIENCE_S: Final = 1.0
#: For how long everything is asked for alone after a batch that took longer, in seconds.
_ALONE_S: Final = 300.0


class _Part(msgspec.Struct, frozen=True):
    """What is asked for."""

    url: str
    #: Whether it is an advanced query.
    eventual: bool


@dataclass(slots=True, eq=False)
class _Waiting:
    """Somebody who waits, and in whose name requests are counted meanwhile."""

    answer: asyncio.Future[bytes | None]
    context: Context = field(default_factory=copy_context)


@dataclass(slots=True, eq=False)
class _Batch:
    """Requests that go together, with those who wait for each."""

    departure: asyncio.TimerHandle
    waiting: dict[_Part, list[_Waiting]] = field(default_factory=dict)
    sending: asyncio.Task[None] | None = None

    def answer(self, part: _Part, content: bytes | None) -> None:
        for each in self.waiting[part]:
            if not each.answer.done():
                each.answer.set_result(content)

    def leave_alone(self) -> None:
        """Let those who have no answer ask alone."""
        for part in self.waiting:
            self.answer(part, None)

    def drop_the_gone(self) -> None:
        """Keep nobody who does not wait any more, and nothing that nobody waits for."""
        still = {part: [each for each in some if not each.answer.done()] for part, some in self.waiting.items()}
        self.waiting = {part: some for part, some in still.items() if some}


class Together:
    """Sends what is asked for within a moment as one `$batch`."""

    def __init__(self, client: "GraphClient") -> None:
        self._client = client
        self._open: _Batch | None = None
        self._sent: set[asyncio.Task[None]] = set()
        #: Before this moment of the event loop everything is asked for alone.
        self._alone_until_s = 0.0
        self._closed = False

    async def get(self, url: str, *, eventual: bool = False) -> bytes | None:
        """Return the body of a GET whose answer is small; `eventual` allows an advanced query.

        What has no good answer as a part, or none in time, is asked for alone, as if there were no batches: with its
        retries, and with its own error. So is everything while Graph's limit is near, because a part that is refused is
        paid for as well. A batch is counted for one of those who wait for it.

        Raises: the tree of `shared.errors`.
        """
        content = await self._part(_Part(url, eventual)) if self._may_share() else None
        return content if content is not None else await self._client.get(url, eventual=eventual)

    async def get_all(self, urls: Sequence[str]) -> list[bytes | None]:
        """Return the bodies of several such GETs in their order. Each has ended when this returns or raises."""
        found: list[bytes | None] = []
        for each in await asyncio.gather(*map(self.get, urls), return_exceptions=True):
            if isinstance(each, BaseException):
                raise each
            found.append(each)
        return found

    def _may_share(self) -> bool:
        now_s = asyncio.get_running_loop().time()
        return not self._closed and now_s >= self._alone_until_s and self._client.throttle.is_free

    async def _part(self, part: _Part) -> bytes | None:
        loop = asyncio.get_running_loop()
        batch = self._open
        if batch is None:
            batch = self._open = _Batch(loop.call_later(_GATHER_S, self._depart))
        mine = _Waiting(loop.create_future())
        batch.waiting.setdefault(part, []).append(mine)
        if len(batch.waiting) == json_batch.MOST:
            self._depart()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await mine.answer
        except TimeoutError:
            self._alone_until_s = loop.time() + _ALONE_S
            return None
        finally:
            self._give_up_if_nobody_waits(batch)

    def _depart(self) -> None:
        """Take nobody else along, and send the open batch; a single request is sent as one."""
        batch = self._open
        if batch is None:
            return
        self._open = None
        batch.departure.cancel()
        batch.drop_the_gone()
        if len(batch.waiting) < 2 or not self._may_share():  # noqa: PLR2004 - as many as are several
            batch.leave_alone()
            return
        first = next(iter(batch.waiting.values()))[0]
        loop = asyncio.get_running_loop()
        batch.sending = loop.create_task(self._send(batch), context=first.context)
        self._sent.add(batch.sending)
        batch.sending.add_done_callback(self._sent.discard)
        batch.sending.add_done_callback(lambda _: batch.leave_alone())

    @staticmethod
    def _give_up_if_nobody_waits(batch: _Batch) -> None:
        if batch.sending is None or batch.sending.done():
            return
        batch.drop_the_gone()
        if not batch.waiting:
            batch.sending.cancel()

    async def _send(self, batch: _Batch) -> None:
        with one_job():  # one of its own, however heavy those are who wait for it
            await self._ask(batch)

    async def _ask(self, batch: _Batch) -> None:
        """Answer those of whose part there is a good answer."""
        parts = {str(number): part for number, part in enumerate(batch.waiting)}
        try:
            answers = await json_batch.ask(self._client, [self._request(name, part) for name, part in parts.items()])
        except SyncError:
            return  # it may be the batch that is not taken; whatever else it is, each finds out alone
        for each in answers:
            part, body = parts.get(each.id), bytes(each.body)
            if part in batch.waiting and each.status == HTTPStatus.OK and body.startswith(b"{"):
                batch.answer(part, body)

    def _request(self, name: str, part: _Part) -> dict[str, Any]:
        headers = {"x-ms-throttle-priority": "low"}
        if part.eventual:
            headers["ConsistencyLevel"] = "eventual"
        below = part.url.removeprefix(links.path(self._client.graph, ""))
        return {"id": name, "method": "GET", "url": f"/{below}", "headers": headers}

    async def close(self) -> None:
        """Send nothing together any more; whoever still waits asks alone."""
        self._closed = True
        self._depart()
        sent = list(self._sent)
        for task in sent:
            task.cancel()
        await asyncio.gather(*sent, return_exceptions=True)
