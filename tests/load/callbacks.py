"""The callbacks that the worker processes have recorded."""

from pathlib import Path

import msgspec


class Callback(msgspec.Struct, frozen=True):
    """A callback of an event loop, with the CPU time of its thread."""

    #: Time of its end, in seconds since 1970.
    at: float
    cpu_s: float
    what: str
    #: Number of modules that were imported in it. Those of a process are imported once, when they are first needed.
    imported: int


def recorded(folder: Path, since_s: float, until_s: float) -> list[Callback]:
    """Return the callbacks that ended in a period and imported nothing, the longest first."""
    lines = [line for file in sorted(folder.glob("*.jsonl")) for line in file.read_bytes().splitlines()]
    callbacks = [msgspec.json.decode(line, type=Callback) for line in lines]
    return sorted(
        (one for one in callbacks if since_s <= one.at <= until_s and not one.imported), key=lambda one: -one.cpu_s
    )
