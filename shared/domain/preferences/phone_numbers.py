"""Phone numbers in E.164, the international format."""

from functools import lru_cache

import phonenumbers

#: Number of converted phone numbers that a process caches: the same users are read for several locations.
_CACHE_SIZE = 65_536


def is_country(code: str) -> bool:
    """Return whether phone numbers of a country are supported. `code` is an ISO 3166 code in capital letters."""
    return code in phonenumbers.SUPPORTED_REGIONS


@lru_cache(maxsize=_CACHE_SIZE)
def e164(text: str, country: str) -> str:
    """Return a number with country code and without spaces, followed by ` ext. ` and the extension if it has one.

    Text that is not a valid number of any country, such as an internal number, is returned unchanged.

    Source: https://www.itu.int/rec/T-REC-E.164
    """
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return text
    if not phonenumbers.is_valid_number(number):
        return text
    plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{plain} ext. {number.extension}" if number.extension else plain
