"""Strict decoding of Microsoft Graph's responses: only a complete page passes for a page."""

import asyncio
import re
from typing import Final, TypeVar

import msgspec

from shared.errors import Transient
from shared.runtime.fair_scheduler import cpu_slice

#: Size from which a response is decoded in a thread, in bytes. Pages of 999 users have about 1 MiB.
_LARGE_BYTES: Final = 2 * 1024 * 1024
#: Valid JSON text, then half of a surrogate pair, which does not represent a character, or a stray backslash, or the
#: end. Possessive: no byte is examined twice.
_LONE: Final = re.compile(
    rb"((?:[^\\]++|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\(?!u[dD][89a-fA-F]).)*+)"
    rb"(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})?",
    re.DOTALL,
)
#: Number of halves that are replaced in one response; a response with more is refused.
_MAX_LONE: Final = 10_000
#: In lower case, a link to a further page, under whatever name, that is not null.
_NEXT: Final = b'nextlink"'
_NEXT_LINK: Final = re.compile(_NEXT + rb"\s*:(?!\s*null)")
#: Number of bytes at each end of a page that are searched for it: more than a link may have.
_EDGE: Final = 72 * 1024

T = TypeVar("T")


async def decoded(content: bytes | None, kind: type[T]) -> T:
    """Return what `decode` returns, without occupying the event loop with a large response."""
    if content is not None and len(content) >= _LARGE_BYTES:
        return await asyncio.to_thread(decode, content, kind)
    async with cpu_slice():
        return decode(content, kind)


def decode(content: bytes | None, kind: type[T]) -> T:
    """Return the decoded content of a response. Raises Transient if it is not of the requested kind.

    Empty content, HTML, truncated JSON, a body without `value` and an error with status 200 are all rejected, so that
    none of them passes for a last page. Neither does a page whose link to the next one has another name than ours.
    """
    if not content:
        raise Transient("Microsoft Graph sent an empty response; try again.", code="bad_answer")
    value = _decode(content, kind)
    if getattr(value, "next_link", value) is None and _leads_on(content):
        raise Transient(
            "Microsoft Graph sent a link to the next page under an unknown name; try again.", code="bad_answer"
        )
    return value


def _leads_on(content: bytes) -> bool:
    """Return whether a name before or after the objects of a page ends in `nextLink`, in any case, and has a value."""
    edges = (content,) if len(content) <= _EDGE else (content[:_EDGE], content[-_EDGE:])
    return any(_NEXT in edge and _NEXT_LINK.search(edge) for edge in map(bytes.lower, edges))


def _decode(content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Transient(
            f"Microsoft Graph sent a response that is not a valid {kind.__name__}; try again.", code="bad_answer"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        repaired = _repaired(content)
    try:
        return msgspec.json.decode(repaired, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Transient(
            f"Microsoft Graph sent a response that is not a valid {kind.__name__}; try again.", code="bad_answer"
        ) from error


def _repaired(content: bytes) -> bytes:
    """Return JSON with well-formed texts: a name that was cut within an emoji must not make its page unreadable."""
    text = content.decode(errors="replace").encode()
    parts, position = list[bytes](), 0
    for _ in range(_MAX_LONE):
        valid = _LONE.match(text, position)
        if valid is None or valid["lone"] is None:
            break
        parts += valid[1], rb"\ufffd"
        position = valid.end()
    return b"".join((*parts, text[position:]))
