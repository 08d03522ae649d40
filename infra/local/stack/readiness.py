"""HTTP requests that show whether a part of the stack is ready."""

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: status and body."""

    status: int
    body: bytes


def get(url: str, *, ca: Path | None = None, headers: Mapping[str, str] | None = None) -> Answer | None:
    """Send a GET request and return the response, whatever its status. Blocks.

    Returns None if the connection fails. `ca` is the authority to trust for https.
    """
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
