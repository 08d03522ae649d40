"""Together: small answers that many jobs of one customer want at about the same time, asked for as one request.

A hundred groups are a hundred jobs, each of which can fail, wait and be done again alone. To send a request and take
its answer costs a worker more CPU than to read who is in a group of some hundred.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from shared.adapters.graph import batches, links
from shared.errors import SyncError

if TYPE_CHECKING:
    from shared.adapters.graph.client import GraphClient

#: How long a request waits for others to go with, in seconds: little beside the way to Graph and back.
_GATHER_S: Final = 0.025
_HEADERS: Final = {"ConsistencyLevel": "eventual", "x-ms-throttle-priority": "low"}


@dataclass(slots=True, eq=False)
class _Batch:
    """Requests that go together, by their addresses below the version, with those who wait for each."""

    waiting: dict[str, list[asyncio.Future[bytes | None]]] = field(default_factory=dict)
    sending: asyncio.Task[None] | None = None

    def answer(self, url: str, content: bytes | None) -> None:
        for each in self.waiting[url]:
            if not each.done():
                each.set_result(content)

    def leave_alone(self) -> None:
        """Let those who have no answer ask alone."""
        for url in self.waiting:
            self.answer(url, None)

    def give_up_if_done(self) -> None:
        """Send nothing, or wait no more for what is sent, once nobody waits for any of it."""
        everybody = [each for some in self.waiting.values() for each in some]
        if self.sending is not None and all(each.done() for each in everybody):
            self.sending.cancel()


class Together:
    """Sends what is asked for within a moment as one `$batch`."""

    def __init__(self, client: "GraphClient") -> None:
        self._client = client
        self._open: _Batch | None = None
        self._sent: set[asyncio.Task[None]] = set()

    async def get(self, url: str) -> bytes | None:
        """Return the body of a GET that allows an advanced query and whose answer is small.

        What has no good answer as a part is asked for alone, as if there were no batches: with its retries, and with
        its own error. So is everything while Graph's limit is near, because a part that is refused is paid for as well.

        Raises: the tree of `shared.errors`.
        """
        if self._client.pace.is_free:
            content = await self._part(url)
            if content is not None:
                return content
        return await self._client.get(url, eventual=True)

    async def get_all(self, urls: Sequence[str]) -> list[bytes | None]:
        """Return the bodies of several such GETs in their order. Each has ended when this returns or raises."""
        found: list[bytes | None] = []
        for each in await asyncio.gather(*map(self.get, urls), return_exceptions=True):
            if isinstance(each, BaseException):
                raise each
            found.append(each)
        return found

    async def _part(self, url: str) -> bytes | None:
        loop = asyncio.get_running_loop()
        batch = self._open
        if batch is None:
            batch = self._open = _Batch()
            loop.call_later(_GATHER_S, self._close, batch)
        mine: asyncio.Future[bytes | None] = loop.create_future()
        batch.waiting.setdefault(url, []).append(mine)
        if len(batch.waiting) == batches.MOST:
            self._close(batch)
        try:
            return await mine
        finally:
            batch.give_up_if_done()

    def _close(self, batch: _Batch) -> None:
        """Take nobody else along, and send the batch; a single request is sent as one."""
        if batch is not self._open:
            return
        self._open = None
        if len(batch.waiting) == 1:
            batch.leave_alone()
            return
        batch.sending = asyncio.create_task(self._send(batch))
        self._sent.add(batch.sending)
        batch.sending.add_done_callback(self._sent.discard)

    async def _send(self, batch: _Batch) -> None:
        """Answer everybody who waits; None is for those who are to ask alone."""
        urls = dict(enumerate(batch.waiting))
        prefix = len(links.path(self._client.graph, "")) - 1
        requests = [
            {"id": str(number), "method": "GET", "url": url[prefix:], "headers": _HEADERS}
            for number, url in urls.items()
        ]
        try:
            for each in await batches.ask(self._client, requests):
                number = int(each.id) if each.id.isdecimal() else -1
                if each.status == HTTPStatus.OK and number in urls:
                    batch.answer(urls[number], bytes(each.body))
        except SyncError:
            pass  # it may be the batch that is not taken; whatever else it is, each finds out alone
        finally:
            batch.leave_alone()

    async def close(self) -> None:
        """Send nothing more together."""
        for task in self._sent:
            task.cancel()
        await asyncio.gather(*self._sent, return_exceptions=True)
