"""Bounded answers of the login service: tokens and signing keys, which the SDKs and we read whole."""

from typing import Final

import aiohttp

#: Maximum size of an answer after inflating, in bytes. A token with all roles that fit into it has less than 64 KiB,
#: the list of all signing keys 20 KiB.
MAX_ANSWER_BYTES: Final = 1024 * 1024


class BoundedResponse(aiohttp.ClientResponse):
    """A response that is read up to a maximum size. The session must inflate it, which aiohttp does in small pieces."""

    async def read(self) -> bytes:
        """Return the body.

        Raises aiohttp.ClientResponseError if it has more than MAX_ANSWER_BYTES, or is damaged.
        """
        content = bytearray()
        try:
            async for piece in self.content.iter_any():
                content += piece
                if len(content) > MAX_ANSWER_BYTES:
                    raise self._error(f"the body has more than {MAX_ANSWER_BYTES} bytes")
        except aiohttp.ClientPayloadError as error:
            raise self._error("the body is damaged") from error
        return bytes(content)

    def _error(self, message: str) -> aiohttp.ClientResponseError:
        self.close()
        return aiohttp.ClientResponseError(self.request_info, self.history, status=self.status, message=message)
