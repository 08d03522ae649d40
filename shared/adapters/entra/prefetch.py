"""Prefetching: requests the next page of a listing as soon as its link arrives, before the current page is decoded.

The round trip to Graph takes longer than processing a page, and pages can only be requested in sequence. Without
prefetching, the first sync of a large directory would spend half of its time waiting for round trips.
"""

import asyncio
import re
from collections.abc import Awaitable
from contextlib import suppress
from typing import Final

from shared.adapters.entra import links
from shared.adapters.entra.client import GraphClient
from shared.errors import ForeignLink

#: The link to the next page, which precedes the users of a page. Quotation marks within a text are escaped.
_NEXT: Final = re.compile(rb'"@odata\.nextLink"\s*:\s*"([!#-\[\]-~]+)"')
#: Number of leading bytes of a page that are searched for it. If it is further back, the page is not prefetched.
_HEAD: Final = 16 * 1024


class PagePrefetcher:
    """Reads the pages of listings that are read to their last page."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client
        self._requested: dict[str, asyncio.Task[bytes | None]] = {}
        self._closed = False

    async def get(self, url: str, *, eventual: bool = False, priority: bool = False) -> bytes | None:
        """Return the page at `url` as `GraphClient.get` does, and request the page after it in the same way."""
        request: Awaitable[bytes | None] | None = self._requested.pop(url, None)
        content = await (request or self._client.get(url, eventual=eventual, priority=priority))
        if content and not self._closed and (match := _NEXT.search(content, 0, _HEAD)):
            with suppress(ForeignLink):  # a link to another host; reading the page raises for it
                link = links.checked(self._client.graph, match[1].decode())
                if link not in self._requested:
                    request = self._client.get(link, eventual=eventual, priority=priority)
                    self._requested[link] = asyncio.create_task(request)
                    await asyncio.sleep(0)  # lets the request be sent before decoding this page keeps the loop busy
        return content

    async def close(self) -> None:
        """Cancel the requests for pages that were not read."""
        self._closed = True
        tasks = list(self._requested.values())
        self._requested.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
