"""Files that are text and are refused all the same: each has a row or a header that no import accepts."""

import random
from typing import Final

from shared.domain.imports.cells import MAX_TEXT
from shared.domain.imports.import_record import MAX_ROWS_IN_REQUEST
from tests.attack import odd

_HEADER: Final = "Name,E-mail,Department"
_GOOD: Final = "Ann Example,ann@example.com,Sales"
#: Rows that are refused.
_ROWS: Final = (
    ",ann2@example.com,\x00",
    "A\x07nn,ann2@example.com,Sales",
    f"Ann,ann2@example.com,{'x' * (MAX_TEXT + 1)}",
    "Ann,not an address,Sales",
    "Ann,ann@@example.com,Sales",
    "Ann,#N/A,Sales",
    "Ann,4.9E+11,Sales",
    ",,Sales",
    "Ann,ann2@example.com,Sales,more",
    'Ann,"ann2@example.com,Sales',
    _GOOD,
)
#: Headers that name no people, or name them twice.
_HEADERS: Final = (
    "",
    "x",
    "Shoe size,Colour",
    "Name,Name,E-mail",
    "E-mail,E-mail address",
    "Name;E-mail,Department",
    ",".join(f"c{number}" for number in range(201)),
    "\x00",
    "<html><body>",
    "=1+1",
)


def wrong_file(chance: random.Random) -> bytes:
    """Return a file of which a row, or the header, is refused."""
    match chance.randrange(5):
        case 0:
            return f"{chance.choice(_HEADERS)}\n{_GOOD}\n{odd.text(chance)}\n".encode()
        case 1:
            rows = MAX_ROWS_IN_REQUEST + 1 + chance.randrange(100)
            return (_HEADER + "".join(f"\nP{number},p{number}@example.com," for number in range(rows))).encode()
        case _:
            rows_before = [_GOOD, *(f"P{number},p{number}@example.com," for number in range(chance.randrange(20)))]
            return "\n".join([_HEADER, *rows_before, chance.choice(_ROWS)]).encode()
