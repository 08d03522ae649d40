"""Pages: cursors that say nothing to others, and belong to one list only."""

import base64
import binascii
from hashlib import sha256
from typing import Final, TypeVar

import msgspec

from shared.errors import Rejected
from shared.triggers.http.framework.requests import Request

T = TypeVar("T")

#: Most items of one page, and how many there are unless somebody asks for another number.
MAX_PAGE: Final = 1_000
PAGE: Final = 100
#: Longest cursor that is looked at, in characters.
_MAX_CURSOR: Final = 2_000


def limit_of(request: Request, default: int = PAGE) -> int:
    """Return how many items are wanted. Raises: Rejected."""
    text = request.query("limit", str(default))
    limit = int(text) if text.isdecimal() and len(text) <= len(str(MAX_PAGE)) else 0
    if not 1 <= limit <= MAX_PAGE:
        raise Rejected(f"limit is {text[:80]!r}; use 1 to {MAX_PAGE}.", code="invalid_query")
    return limit


def cursor_of(position: object, *scope: str) -> str | None:
    """Return the cursor that goes on behind a position of a list; None if that is the end."""
    if position is None:
        return None
    return base64.urlsafe_b64encode(msgspec.json.encode((_digest(scope), position))).decode().rstrip("=")


def position_of(request: Request, kind: type[T], *scope: str) -> T | None:
    """Return where a list goes on, None at its beginning. Raises: Rejected for a cursor that is not of this list."""
    text = request.query("cursor")
    if not text:
        return None
    foreign = Rejected("cursor is not one that this list has given; begin again without it.", code="invalid_query")
    try:
        decoded = base64.b64decode(text[:_MAX_CURSOR] + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        digest, position = msgspec.json.decode(decoded, type=tuple[str, msgspec.Raw])
        found = msgspec.json.decode(position, type=kind)
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise foreign from error
    if digest != _digest(scope):
        raise foreign
    return found


def _digest(scope: tuple[str, ...]) -> str:
    return sha256("\n".join(scope).encode()).hexdigest()[:16]
