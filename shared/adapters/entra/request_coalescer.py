"""Request coalescer: small reads of one tenant that several jobs start at about the same time become one `$batch`.

A hundred mapped groups are a hundred jobs. Sending a request and receiving its response takes more CPU than decoding
the ids of some hundred members.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from shared.adapters.entra import json_batch, links
from shared.errors import SyncError

if TYPE_CHECKING:
    from shared.adapters.entra.client import GraphClient

#: Time for which a request waits for others, in seconds: little compared with a round trip to Graph.
_WINDOW_S: Final = 0.025


class _Part(NamedTuple):
    """A request, and where its response is expected: None if it has to be sent as a single request."""

    url: str
    content: asyncio.Future[bytes | None]


class RequestCoalescer:
    """Sends the advanced GETs of one GraphClient in batches."""

    def __init__(self, client: "GraphClient") -> None:
        self._client = client
        self._waiting: list[_Part] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def get(self, url: str) -> bytes | None:
        """Return what `GraphClient.get` returns for an advanced query, or raise what it raises.

        A batch only saves requests: a part without a good response is sent as a single request, with its retries and
        its own error. A batch counts for the job that was the first to wait.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_later(_WINDOW_S, self._send)
        part = _Part(url, loop.create_future())
        self._waiting.append(part)
        content = await part.content
        return content if content is not None else await self._client.get(url, eventual=True)

    def _send(self) -> None:
        waiting = [part for part in self._waiting if not part.content.done()]
        self._waiting = []
        for start in range(0, len(waiting), json_batch.MOST):
            self._send_batch(waiting[start : start + json_batch.MOST])

    def _send_batch(self, parts: Sequence[_Part]) -> None:
        sending = asyncio.create_task(self._ask(parts))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)
        sending.add_done_callback(lambda _: _send_alone(parts))

    async def _ask(self, parts: Sequence[_Part]) -> None:
        """Set the good responses of a batch."""
        if len(parts) == 1:
            return  # a batch of one saves nothing
        by_id = {str(number): part for number, part in enumerate(parts)}
        requests = [_request(name, self._client.graph, part.url) for name, part in by_id.items()]
        with suppress(SyncError):  # each single request has an error of its own
            for answer in await json_batch.ask(self._client, requests):
                body = bytes(answer.body)
                if answer.id in by_id and answer.status == HTTPStatus.OK and body.startswith(b"{"):
                    _set(by_id[answer.id], body)

    async def close(self) -> None:
        """Cancel the batches on their way. Requests that wait for them are sent as single ones."""
        _send_alone(self._waiting)
        for task in (sending := list(self._sending)):
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)


def _send_alone(parts: Sequence[_Part]) -> None:
    for part in parts:
        _set(part, None)


def _set(part: _Part, content: bytes | None) -> None:
    if not part.content.done():  # answered, or its job was cancelled
        part.content.set_result(content)


def _request(name: str, graph: str, url: str) -> dict[str, Any]:
    headers = {"ConsistencyLevel": "eventual", "x-ms-throttle-priority": "low"}
    return {"id": name, "method": "GET", "url": "/" + url.removeprefix(links.path(graph, "")), "headers": headers}
