"""Garbage collection: what is loaded at start is exempt from it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused() -> Iterator[None]:
    """Load modules and clients inside the context without garbage collection, and exempt them from it for good.

    They stay for as long as the process. A collection that visits them takes 40 ms, during which the event loop does
    not respond, and imports of SDKs would cause several. Cyclic garbage that exists at the end stays as well.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
