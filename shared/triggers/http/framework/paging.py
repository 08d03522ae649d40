"""Paging with opaque cursors, each bound to one list."""

import base64
from collections.abc import Callable
from hashlib import sha256
from typing import Final, TypeVar

import msgspec

from shared.errors import Rejected
from shared.triggers.http.framework.requests import Request

T = TypeVar("T")

#: Most items of one page.
MAX_PAGE: Final = 1_000
#: Items of one page by default.
PAGE: Final = 100
#: Longest cursor that is decoded, in characters.
_MAX_CURSOR: Final = 2_000


def limit_of(request: Request, default: int = PAGE) -> int:
    """Return the requested page size. Raises Rejected if it is out of range."""
    text = request.query("limit", str(default))
    limit = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_PAGE)) else 0
    if not 1 <= limit <= MAX_PAGE:
        raise Rejected(f"Invalid limit {text[:80]!r}: use 1 to {MAX_PAGE}.", code="invalid_query")
    return limit


def cursor_of(position: object, *scope: str) -> str | None:
    """Encode the position after which the next page starts; None at the end of the list."""
    if position is None:
        return None
    return base64.urlsafe_b64encode(msgspec.json.encode((_digest(scope), position))).decode().rstrip("=")


def position_of(request: Request, kind: type[T], *scope: str, id_of: Callable[[T], object] | None = None) -> T | None:
    """Decode the cursor of a request, None on the first page. Raises Rejected if it belongs to another list.

    Args:
        request: The request.
        kind: Type of the position.
        scope: What tells the list from others. Callers can compute its digest: a position is not trusted.
        id_of: Check of a position that becomes a key. Raises Rejected for text that cannot be one.

    """
    text = request.query("cursor")
    if not text:
        return None
    invalid = Rejected("Invalid cursor for this list: start again without a cursor.", code="invalid_query")
    try:
        decoded = base64.b64decode(text[:_MAX_CURSOR] + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        digest, position = msgspec.json.decode(decoded, type=tuple[str, msgspec.Raw])
        after = msgspec.json.decode(position, type=kind)
        if id_of is not None:
            id_of(after)
    except (ValueError, RecursionError, Rejected) as error:
        raise invalid from error
    if digest != _digest(scope):
        raise invalid
    return after


def _digest(scope: tuple[str, ...]) -> str:
    return sha256("\n".join(scope).encode()).hexdigest()[:16]
