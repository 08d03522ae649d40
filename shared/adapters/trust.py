"""Whom https connections believe, and by which way they go: the machine's authorities, and no proxy.

`SSL_CERT_FILE` and `SSL_CERT_DIR` are OpenSSL's own settings; a laptop adds its authority through them. Proxies of the
environment are never used: they would see where tokens and secrets go.
"""

import ssl
from functools import lru_cache
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from azure.core.pipeline.transport import AioHttpTransport


def tls_context() -> ssl.SSLContext:
    """Return what verifies servers, read once per set of authorities: reading them costs 36 ms of CPU."""
    paths = ssl.get_default_verify_paths()
    return _context(paths.cafile, paths.capath)


@lru_cache(maxsize=4)
def _context(_cafile: str | None, _capath: str | None) -> ssl.SSLContext:
    return ssl.create_default_context()


class DirectTransport(AioHttpTransport):  # type: ignore[misc] # the SDK loads it lazily, untyped
    """The Azure SDKs' transport. aiohttp alone would read the authorities when it is imported, and never again."""

    def __init__(self, *, resolver: AbstractResolver | None = None, **words: Any) -> None:  # noqa: ANN401 - the SDK's
        super().__init__(use_env_settings=False, **words)
        self._resolver = resolver
        self._tls = tls_context()
        self.session: aiohttp.ClientSession | None

    async def open(self) -> None:
        """Open the connection as the SDK would, but with our authorities."""
        if self.session is None and not self._has_been_opened:
            self.session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._tls, resolver=self._resolver),
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        await super().open()
