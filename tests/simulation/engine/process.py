"""What a process does before it imports the product."""

import gc
import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from isal import isal_zlib

from tests.simulation.engine import sometimes

#: Number of values that are compressed, or decompressed, only once.
_REMEMBERED: Final = 20_000


def begin() -> None:
    """Prepare a process for jobs: the points of the product note that they were reached."""
    sometimes.install()
    logging.disable(logging.CRITICAL)
    gc.disable()  # what histories leave behind is collected after each job
    isal_zlib.compress = _remembered(isal_zlib.compress)
    isal_zlib.decompress = _remembered(isal_zlib.decompress)
    from shared.workflows.imports import row_matcher  # noqa: PLC0415 - must note what it reaches

    vars(row_matcher)["_THREAD"] = _Now()


class _Now:
    """An executor without a thread."""

    def submit(self, work: Callable[[], object]) -> None:
        """Do the work now."""
        work()


def _remembered(convert: Callable[..., bytes]) -> Callable[..., bytes]:
    """Return the function, with its last results: rows are read again and again."""
    remembered = lru_cache(_REMEMBERED)(convert)
    return lambda data, *level: remembered(bytes(data), *level)
