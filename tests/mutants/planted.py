"""The defects, in the order of their turns."""

from typing import Final

from tests.mutants.access import ACCESS
from tests.mutants.mutant import Mutant
from tests.mutants.protocol import PROTOCOL
from tests.mutants.rules import RULES

PLANTED: Final[tuple[Mutant, ...]] = (*PROTOCOL, *RULES, *ACCESS)
