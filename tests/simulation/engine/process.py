"""What a process does before it imports the product."""

import gc
import logging
from collections.abc import Callable

from isal import isal_zlib

from tests.simulation.engine import sometimes


def begin() -> None:
    """Prepare a process for jobs: the points of the product note that they were reached."""
    sometimes.install()
    logging.disable(logging.CRITICAL)
    gc.disable()  # what histories leave behind is collected after each job
    vars(isal_zlib).update(compress=_as_it_is, decompress=_as_it_is)
    from shared.workflows.imports import row_matcher  # noqa: PLC0415 - must note what it reaches

    vars(row_matcher)["_THREAD"] = _Now()


class _Now:
    """An executor without a thread."""

    def submit(self, work: Callable[[], object]) -> None:
        """Do the work now."""
        work()


def _as_it_is(data: bytes | bytearray | memoryview, *_level: int) -> bytes:
    """Return the data: to compress rows takes a fifth of the time, and decides nothing about when they are written."""
    return bytes(data)
