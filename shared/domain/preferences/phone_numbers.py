"""Phone numbers in E.164, the international format."""

import re
from functools import lru_cache

import phonenumbers

#: Number of converted phone numbers that a process caches: the same users are read for several locations.
_CACHE_SIZE = 65_536
#: Words that the library understands: the scheme of a link, and an extension.
_WORDS = re.compile(r"^\s*tel:|(?:e?xt(?:ension|n)?|anexo|int|x)[\s.:=#]*\d{1,7}#?\s*$", re.IGNORECASE)

#: A further number, or another ending, after the first number.
_SEVERAL = re.compile(r"[/,;]\s*[-\u2013]|[,;]\s*\+?\d[\d\s]{6,}")


def is_country(code: str) -> bool:
    """Return whether phone numbers of a country are supported. `code` is an ISO 3166 code in capital letters."""
    return code in phonenumbers.SUPPORTED_REGIONS


@lru_cache(maxsize=_CACHE_SIZE)
def e164(text: str, country: str) -> str:
    """Return a number with country code and without spaces, followed by ` ext. ` and the extension if it has one.

    Text that is not a valid number of any country, such as an internal number, is returned unchanged. So is a number
    with words: the library would read their letters as digits, as on the keys of a phone. Several numbers are not
    converted either: the library would join them, or take the second for an extension.

    Source: https://www.itu.int/rec/T-REC-E.164
    """
    if _SEVERAL.search(text) or any(character.isalpha() for character in _WORDS.sub("", text)):
        return text
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return text
    if not phonenumbers.is_valid_number(number):
        return text
    plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{plain} ext. {number.extension}" if number.extension else plain
