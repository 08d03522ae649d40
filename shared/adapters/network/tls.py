"""TLS: outgoing https connections trust the certificate authorities of the machine.

`SSL_CERT_FILE` and `SSL_CERT_DIR` are OpenSSL's own settings. Local development adds its authority through them.
"""

import ssl
from functools import lru_cache
from typing import Any


def tls_context() -> ssl.SSLContext:
    """Return the TLS context that verifies servers. It is cached: loading the authorities takes 30 to 60 ms of CPU."""
    paths = ssl.get_default_verify_paths()
    return _context(paths.cafile, paths.capath)


@lru_cache(maxsize=4)
def _context(_cafile: str | None, _capath: str | None) -> ssl.SSLContext:
    return ssl.create_default_context()


def load_aiohttp() -> None:
    """Import aiohttp without loading the authorities, which it would do twice for TLS contexts of its own.

    All connections of the app use `tls_context()`. A connection without it would trust no server. The same holds for a
    context that another thread creates during the import.
    """
    context: Any = ssl.SSLContext
    context.set_default_verify_paths = _read_nothing
    try:
        import aiohttp  # noqa: F401, PLC0415 - only here
    finally:
        del context.set_default_verify_paths  # restores the inherited method


def _read_nothing(_context: ssl.SSLContext) -> None:
    """Replace the method that loads the authorities."""
