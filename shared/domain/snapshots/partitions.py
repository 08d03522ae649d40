"""Partitions: hash ranges of recipient ids, by which snapshots are stored and locations are compared.

The number of ranges is a power of two, so the ranges of any two numbers nest. Their order is the order of the ids.
"""

from bisect import bisect_right
from typing import Final

#: Maximum number of ranges. An id's finest range follows from its first three hexadecimal digits.
MAX_PARTITIONS: Final = 16**3
#: Number of people of a range at most when it is chosen: deciding about them takes some 3 ms.
PARTITION_PEOPLE: Final = 256
#: Number of items about people of one range that are processed in one piece: some 25 ms. With random ids, five million
#: people have none with so many.
MAX_PARTITION_ITEMS: Final = 2_048
#: A number of ranges is kept as long as its ranges have no more than this many times as many people as chosen...
_KEPT_ABOVE: Final = 1.5
#: ...and no less than this share of them.
_KEPT_BELOW: Final = 0.25
_BOUNDS: Final = [f"{number:03x}" for number in range(1, MAX_PARTITIONS)]


def partition_count(people: int, before: int = 0) -> int:
    """Return the number of ranges for people with random ids: `before`, if it is set and still suits them."""
    if before and _KEPT_BELOW * PARTITION_PEOPLE * before <= people <= _KEPT_ABOVE * PARTITION_PEOPLE * before:
        return before
    return int(min(MAX_PARTITIONS, 1 << max(0, (people - 1) // PARTITION_PEOPLE).bit_length()))


def partition_of(name: str, count: int = MAX_PARTITIONS) -> int:
    """Return the number of the range that a recipient id is in. Ids of imported recipients can be any text."""
    return bisect_right(_BOUNDS, name) * count // MAX_PARTITIONS
