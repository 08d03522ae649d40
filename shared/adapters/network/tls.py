"""Whom https connections believe: the machine's authorities.

`SSL_CERT_FILE` and `SSL_CERT_DIR` are OpenSSL's own settings; a laptop adds its authority through them.
"""

import ssl
from functools import lru_cache
from typing import Any


def tls_context() -> ssl.SSLContext:
    """Return what verifies servers, read once per set of authorities: reading them costs 30 to 60 ms of CPU."""
    paths = ssl.get_default_verify_paths()
    return _context(paths.cafile, paths.capath)


@lru_cache(maxsize=4)
def _context(_cafile: str | None, _capath: str | None) -> ssl.SSLContext:
    return ssl.create_default_context()


def load_aiohttp() -> None:
    """Import aiohttp, if it is not yet, without the authorities: it reads them twice, for contexts of its own.

    Every connection of ours is given `tls_context()`. One that was not would believe nobody, as would a context that
    another thread made meanwhile.
    """
    context: Any = ssl.SSLContext
    context.set_default_verify_paths = _read_nothing
    try:
        import aiohttp  # noqa: F401, PLC0415 - only here
    finally:
        del context.set_default_verify_paths  # what it inherits is back


def _read_nothing(_context: ssl.SSLContext) -> None:
    """Stand where the authorities would be read."""
