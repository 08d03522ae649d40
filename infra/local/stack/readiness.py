"""Asks a part of the stack something over HTTP, to see whether it answers yet."""

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


def get(url: str, *, ca: Path | None = None, headers: Mapping[str, str] | None = None) -> Answer | None:
    """The answer of whatever status; None if nobody answered. `ca` is the authority to trust for https. Blocks."""
    parts = urlsplit(url)
    connection = (
        http.client.HTTPSConnection(parts.netloc, timeout=_TIMEOUT_S, context=ssl.create_default_context(cafile=ca))
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_S)
    )
    try:
        connection.request("GET", f"{parts.path or '/'}?{parts.query}", headers=dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
