"""Replica: a copy of a directory that has the changes of users and groups up to some time ago."""

from infra.local.entra.state.clock import SimulatedClock
from infra.local.entra.state.directory import Directory
from infra.local.entra.state.samples import build


class Replica:
    """The copy of one directory."""

    def __init__(self, directory: Directory, clock: SimulatedClock) -> None:
        self._directory = directory
        self._clock = clock
        self._copy = build(directory.plan, clock)
        self._applied = 0

    def as_of(self, lag_s: float) -> Directory:
        """Return the directory without changes younger than `lag_s`."""
        until_s = self._clock.epoch_s() - lag_s
        changes = self._directory.changes
        if self._applied and changes[self._applied - 1][0] > until_s:  # it knows too much for a longer lag
            self._copy, self._applied = build(self._directory.plan, self._clock), 0
        while self._applied < len(changes) and changes[self._applied][0] <= until_s:
            changes[self._applied][1](self._copy)
            self._applied += 1
        return self._copy
