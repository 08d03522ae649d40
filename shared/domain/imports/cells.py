"""Cells of a file: their texts as spreadsheet programs write them, and what does not belong to a value."""

import re
from typing import Final

from shared.domain.email_address import clean_address, is_address
from shared.domain.imports.column_names import TEXT_FORMULA
from shared.domain.recipient import ADDRESS_FIELDS, PERSON_FIELDS, PHONE_FIELDS
from shared.domain.text import has_control_characters, without_invisible

#: Maximum length of a field, in characters, also of a directory's.
MAX_TEXT: Final = 1024
#: First characters of a formula in spreadsheet programs, also full-width: some programs convert these.
#: Source: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
#: White space that programs skip before one.
_SPACES: Final = "\t\r"
#: Fields with which people are told apart, or reached. A text such as "n/a" is not a value there.
_ID_FIELDS: Final = ADDRESS_FIELDS | PHONE_FIELDS | {"employee_id"}
_PLACEHOLDERS: Final = frozenset({"-", "--", "---", "\u2013", "\u2014", "n/a", "null", "(null)", "none", "nan", "nil"})
_MAX_PLACEHOLDER: Final = max(map(len, _PLACEHOLDERS))
#: Errors of formulas, in several languages, and what a program shows for a number in a narrow column.
_ERROR: Final = re.compile(r"#(?:N/A|NV|[\u00a1\u00bf]?[\w/]+[!?]|#{2,})|Err:\d{3}")
#: A number that a spreadsheet program has shortened, such as 4,91512E+11.
_SHORTENED: Final = re.compile(r"\d[.,]\d+E\+\d{1,3}", re.IGNORECASE)
#: A distinguished name, with which Active Directory names a manager.
_DISTINGUISHED: Final = re.compile(r"CN=((?:[^,\\]|\\.)+)(?:,(?:CN|OU|DC|O|C|L)=(?:[^,\\]|\\.)*)+", re.IGNORECASE)


def value_of(cell: str) -> str | None:
    """Return the text of a cell, without the apostrophe of an export, and of a formula that is only a text."""
    if cell.startswith("'") and _is_formula(cell[1:]):
        cell = cell[1:]
    elif "=" in cell and (formula := TEXT_FORMULA.fullmatch(cell)):
        cell = formula[1].replace('""', '"')
    return " ".join(cell.split()) or None


def cleaned(name: str, text: str) -> str | None:
    """Return a text without what does not belong to the value of a field."""
    if name in _ID_FIELDS and len(text) <= _MAX_PLACEHOLDER and text.casefold() in _PLACEHOLDERS:
        return None
    if name in ADDRESS_FIELDS:
        if text.isascii() and is_address(text):
            return text
        address = clean_address(text)
        return address if is_address(address) else text
    if name in PHONE_FIELDS:
        return without_invisible(text).strip() or None
    if name == "manager_name" and "=" in text and (manager := _DISTINGUISHED.fullmatch(text)):
        return re.sub(r"\\(.)", r"\1", manager[1])
    return text


def fault_of(name: str, value: str, *, is_exported: bool) -> str:
    """Return why a field cannot have a value, as a sentence; empty if it can.

    What spreadsheet programs do to values is not a fault of an exported recipient, whose directory may have sent it.
    """
    if len(value) > MAX_TEXT:
        return f"{_label(name)} has {len(value)} characters; at most {MAX_TEXT} are accepted."
    if has_control_characters(value):
        return f"{_label(name)} contains control characters. Save the file as CSV (UTF-8)."
    if is_exported:
        return ""
    if value[0] in "#E" and _ERROR.fullmatch(value):
        return (
            f"{_label(name)} contains {value[:80]!r}, an error of a spreadsheet program. Correct the cell, or empty it."
        )
    if "+" in value and name in _ID_FIELDS and _SHORTENED.fullmatch(value):
        return (
            f"{_label(name)} contains {value!r}, a number that a spreadsheet program has shortened. Format the column "
            "as text, enter the whole number, and export the file again."
        )
    return ""


def _label(name: str) -> str:
    return PERSON_FIELDS[name].label


def as_imported(name: str, text: str | None) -> str | None:
    """Return what importing the export of a field leads to. It differs from a text with spaces around it, for example.

    A row that contains it does not change the recipient.
    """
    value = value_of(harmless(text)) if text is not None else None
    return cleaned(name, value) if value is not None else None


def harmless(text: str) -> str:
    """Return a text as an export has it: with an apostrophe before what a program may take for a formula."""
    text = text.lstrip(_SPACES)
    return f"'{text}" if _is_formula(text) else text


def _is_formula(text: str) -> bool:
    """Return whether a program may take a text for a formula, or for one that an export has made harmless."""
    return text.lstrip().lstrip("'").lstrip().startswith(_FORMULA)
