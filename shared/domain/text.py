"""Text about people: which characters it may have, and how it is compared and searched."""

import re
import unicodedata
from typing import Final, Literal

#: Maximum length of a text that is normalized, in characters: sorting the accents of one letter takes time that grows
#: with the square of their number. Names and addresses are shorter.
#: Source: https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1 (addresses)
_MAX_COMPOSED: Final = 320
#: Control characters and surrogates. Other invisible characters belong to names: joiners in Persian and Sinhala, parts
#: of emoji, direction marks.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
#: Characters without a glyph or width, such as joiners, zero-width spaces, direction marks and soft hyphens.
_INVISIBLE: Final = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufe00-\ufe0f]")
#: A question mark inside a word, which programs write for a character that an encoding lacks.
_LOST: Final = re.compile(r"[^\W\d_]\?[^\W\d_]")
#: A character as web pages write it.
_ENTITY: Final = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z]+\d*);", re.IGNORECASE)
#: Letters with a stroke or without a dot, which Unicode does not decompose into a letter and an accent.
_STROKES: Final = str.maketrans("øłđħıŧ", "oldhit")


def has_control_characters(text: str) -> bool:
    """Return whether a text has characters that no name, address or number contains."""
    return not text.isprintable() and _CONTROL.search(text) is not None


def without_invisible(text: str) -> str:
    """Return a text without characters that have no glyph or width."""
    return text if text.isascii() else _INVISIBLE.sub("", text)


def is_damaged(text: str) -> bool:
    """Return whether a program has lost or escaped characters of a text, or has read UTF-8 as another encoding."""
    if ("?" in text and _LOST.search(text)) or ("&" in text and _ENTITY.search(text)):
        return True
    if text.isascii() or "\ufffd" in text:
        return not text.isascii()
    try:
        return not text.encode("cp1252").decode("utf-8").isascii()
    except UnicodeError:
        return False


def normalized(form: Literal["NFC", "NFD", "NFKC"], text: str) -> str:
    """Return a text in a normalization form of Unicode. One of more than _MAX_COMPOSED characters is not changed."""
    return unicodedata.normalize(form, text) if len(text) <= _MAX_COMPOSED else text


def comparison_key(text: str) -> str:
    """Return what texts that mean the same have in common: composed, case-folded, with single spaces."""
    spaced = " ".join(without_invisible(text).split())
    if text.isascii():
        return spaced.casefold()
    return normalized("NFC", normalized("NFC", spaced).casefold())


def address_key(text: str) -> str:
    """Return what e-mail addresses that mean the same have in common. `ß` and `ss` are different domains."""
    return text.lower() if text.isascii() else normalized("NFC", without_invisible(text)).lower()


def search_key(text: str) -> str:
    """Return a text as it is searched: as `comparison_key`, and without accents."""
    key = comparison_key(text)
    if key.isascii() or len(key) > _MAX_COMPOSED:
        return key
    letters = normalized("NFD", key).translate(_STROKES)
    return " ".join("".join(letter for letter in letters if not unicodedata.combining(letter)).split())
