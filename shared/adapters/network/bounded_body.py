"""Bounded bodies: a response is inflated in pieces, up to a maximum size.

A directory, or a server that pretends to be one, chooses what it sends: a few kilobytes can inflate to gigabytes.
"""

import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Final

import httpx

from shared.runtime.fair_scheduler import paced

#: Maximum size of a body, in bytes. A page of 999 users has about 1 MiB, and one with 150 addresses each 4 MiB.
MAX_BODY_BYTES: Final = 16 * 1024 * 1024
#: The encoding that is requested, and that of a body which is not compressed.
ACCEPTED: Final = "gzip"
_PLAIN: Final = "identity"
#: Size of an inflated piece, in bytes.
_PIECE_BYTES: Final = 256 * 1024
#: Window size that makes zlib expect the header of gzip. Source: https://docs.python.org/3/library/zlib.html
_GZIP: Final = 16 + zlib.MAX_WBITS


class BoundedBody(httpx.AsyncByteStream):
    """The inflated body of a response."""

    def __init__(self, response: httpx.Response) -> None:
        """Take the body of a response, and the header that makes httpx inflate it."""
        self._encoding = response.headers.pop("content-encoding", _PLAIN).strip().lower()
        self._request = response.request
        self._stream = response.stream
        self._inflater = zlib.decompressobj(_GZIP) if self._encoding == ACCEPTED else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the pieces.

        Raises httpx.DecodingError if they exceed MAX_BODY_BYTES, are damaged, or have an encoding that was not
        requested.
        """
        if self._encoding not in {_PLAIN, ACCEPTED}:
            raise self._error(f"the encoding {self._encoding[:80]!r} was not requested")
        size = 0
        assert isinstance(self._stream, httpx.AsyncByteStream)  # noqa: S101 - of an asynchronous client
        async for chunk in self._stream:
            async for piece in paced(self._inflated(chunk)):
                size += len(piece)
                if size > MAX_BODY_BYTES:
                    raise self._error(f"the body has more than {MAX_BODY_BYTES} bytes")
                yield piece
        if self._inflater is not None and not self._inflater.eof:
            raise self._error("the compressed body is not complete")

    def _inflated(self, chunk: bytes) -> Iterator[bytes]:
        if self._inflater is None:
            yield chunk
            return
        while chunk and not self._inflater.eof:
            try:
                piece = self._inflater.decompress(chunk, _PIECE_BYTES)
            except zlib.error as error:
                raise self._error("the compressed body is damaged") from error
            chunk = self._inflater.unconsumed_tail
            if piece:
                yield piece

    def _error(self, message: str) -> httpx.DecodingError:
        return httpx.DecodingError(message, request=self._request)

    async def aclose(self) -> None:
        """Close the response."""
        assert isinstance(self._stream, httpx.AsyncByteStream)  # noqa: S101 - as above
        await self._stream.aclose()
