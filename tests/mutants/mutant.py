"""A defect, and what finds it."""

from dataclasses import dataclass
from typing import Final

#: Found by an invariant in histories, not by a test.
SIMULATION: Final = "simulation"


@dataclass(frozen=True)
class Mutant:
    """A defect: `old`, which the file has exactly once, is replaced by `new`. `found_by` is a test, or SIMULATION."""

    name: str
    file: str
    old: str
    new: str
    found_by: str
