"""What a process does before it imports the product."""

import gc
import logging

from tests.simulation.engine import sometimes


def begin() -> None:
    """Prepare a process for jobs: the points of the product note that they were reached."""
    sometimes.install()
    logging.disable(logging.CRITICAL)
    gc.disable()  # what histories leave behind is collected after each job
