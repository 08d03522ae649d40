"""Phone numbers in the one form that machines dial: E.164."""

from functools import lru_cache

import phonenumbers

#: Numbers that a process remembers: the same people come by at every location.
_REMEMBERED = 65_536


def is_country(code: str) -> bool:
    """Tell whether numbers of a country, by its ISO 3166 code in capital letters, are known."""
    return code in phonenumbers.SUPPORTED_REGIONS


@lru_cache(maxsize=_REMEMBERED)
def e164(text: str, country: str) -> str:
    """Return a number with country code and no spaces, an extension after ` ext. `.

    What is no number of any country, such as an internal one, is returned as it is.

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
