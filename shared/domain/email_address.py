"""E-mail addresses that people type and files contain: how they are cleaned, and the one rule that they must meet."""

import re
from functools import lru_cache
from typing import Final

from shared.domain.text import normalized, without_invisible

#: `mailto:ann@example.com?subject=...`, and the prefixes of proxy addresses.
_PREFIXED: Final = re.compile(r"(?:mailto|smtp|sip|e-?mail):\s*([^?]*)(?:\?.*)?", re.IGNORECASE)
#: `Ann Example <ann@example.com`, without the closing bracket.
_BRACKETED: Final = re.compile(r"[^<>]*<([^<>]*)")
#: Straight quotes are removed in pairs only, because a name can begin with an apostrophe.
_QUOTED: Final = re.compile(r"""(["'`])(.*)\1""")
_TYPOGRAPHIC: Final = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb\u2039\u203a"
#: Addresses that the complete rule accepts too, without the time to load and run it.
_PLAIN: Final = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_{|}~-]+)*"
    r"@(?:[a-z0-9](?:-?[a-z0-9])*\.)+[a-z](?:-?[a-z0-9])*(?<=[a-z])",
    re.IGNORECASE | re.ASCII,
)
#: Longest text in which an address is looked for, in characters.
_MAX_DECORATED: Final = 1024
#: Number of layers, such as quotes inside brackets, that are removed around an address.
_MAX_LAYERS: Final = 8
#: Longest address and part before the @, in bytes of UTF-8, and longest label of a domain, in characters.
#: Source: https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1, https://www.rfc-editor.org/rfc/rfc6531#section-3.3
_MAX_ADDRESS: Final = 254
_MAX_LOCAL: Final = 64
_MAX_LABEL: Final = 63
#: Number of addresses whose validity is kept: the locations of a tenant receive the same people at about the same time.
_CACHED: Final = 16_384


def clean_address(text: str) -> str:
    """Return an address without what surrounds it in mail programs, web pages and lists.

    Removed are `mailto:`, a name before angle brackets, quotes around it, and a semicolon, comma or full stop after it.
    """
    if len(text) > _MAX_DECORATED or _PLAIN.fullmatch(text):
        return text
    cleaned = without_invisible(text)
    narrow = normalized("NFKC", cleaned)
    cleaned = narrow if narrow.isascii() else cleaned  # full-width letters, from Japanese keyboards
    for _ in range(_MAX_LAYERS):
        before = cleaned
        cleaned = cleaned.strip().strip(_TYPOGRAPHIC).rstrip(";,.>").strip()
        for pattern, group in ((_BRACKETED, 1), (_PREFIXED, 1), (_QUOTED, 2)):
            if match := pattern.fullmatch(cleaned):
                cleaned = match[group]
        if cleaned == before:
            break
    return cleaned


def is_address(text: str) -> bool:
    """Return whether a text is one valid e-mail address. Its domain is not looked up, and may be one for tests."""
    return len(text) <= _MAX_ADDRESS and _is_valid(text)


def is_too_long(address: str) -> bool:
    """Return whether an address, or its part before the last @, is longer than mail servers accept."""
    spelled = address.encode("utf-8", "surrogatepass")
    return len(spelled) > _MAX_ADDRESS or spelled.rfind(b"@") > _MAX_LOCAL


@lru_cache(_CACHED)
def _is_valid(text: str) -> bool:
    if is_too_long(text):
        return False
    if _PLAIN.fullmatch(text) and max(map(len, text.rpartition("@")[2].split("."))) <= _MAX_LABEL:
        return True
    import email_validator  # noqa: PLC0415 - takes 30 ms, and few addresses need it

    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    try:
        email_validator.validate_email(text, check_deliverability=False)
    except email_validator.EmailNotValidError:
        return False
    return True
