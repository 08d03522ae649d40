"""Ahead: the next page of a listing is asked for before anything is done with the one that names it.

The way to Graph and back takes longer than whatever is done with a page, and pages can only be asked for one after the
other: half of the time of a large directory's first sync would be spent waiting for nothing but that.
"""

import asyncio
import re
from contextlib import suppress
from typing import Final

from shared.adapters.entra import links
from shared.adapters.entra.client import GraphClient
from shared.errors import Conflict

#: The link to the next page, which stands before the users of a page. Within a text the quotation marks are escaped.
_NEXT: Final = re.compile(rb'"@odata\.nextLink"\s*:\s*"([!#-\[\]-~]+)"')
#: In how many of a page's first bytes it is looked for; if it is not there, the next page comes a little later.
_HEAD: Final = 16 * 1024


class Ahead:
    """Reads pages of listings that are read to their ends."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client
        self._coming: dict[str, asyncio.Task[bytes | None]] = {}
        self._closed = False

    async def get(self, url: str, *, eventual: bool = False, in_front: bool = False) -> bytes | None:
        """Return the page at `url` as `GraphClient.get` does; the one after it is asked for in the same way by then."""
        coming = self._coming.pop(url, None)
        content = await (coming if coming is not None else self._client.get(url, eventual=eventual, in_front=in_front))
        if content and not self._closed and (found := _NEXT.search(content, 0, _HEAD)):
            with suppress(Conflict):  # a link that leads elsewhere; whoever reads the page finds that out
                link = links.checked(self._client.graph, found[1].decode())
                if link not in self._coming:
                    asking = self._client.get(link, eventual=eventual, in_front=in_front)
                    self._coming[link] = asyncio.create_task(asking)
                    await asyncio.sleep(0)  # it is sent before whoever reads this page keeps the loop busy with it
        return content

    async def close(self) -> None:
        """Give up what was asked for and not taken."""
        self._closed = True
        asked = list(self._coming.values())
        self._coming.clear()
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
