"""First decisions: what is decided about people whom nobody has stored yet, worked out once for several locations.

The locations of a customer that the same sources feed get the same people. In a first sync several jobs of a worker
decide about each part of them at about the same time, and come to the same.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final
from weakref import WeakKeyDictionary

from shared.domain.reconcile.decide import Decision
from shared.domain.snapshots.partitions import CutSnapshot

#: Parts of a snapshot that are remembered: so far may one job be ahead of another.
_REMEMBERED: Final = 16


class FirstDecisions:
    """Remembers decisions as long as somebody has the snapshot that they are about, and then forgets them with it."""

    def __init__(self) -> None:
        self._known: Final[WeakKeyDictionary[CutSnapshot, OrderedDict[Hashable, Decision]]] = WeakKeyDictionary()

    def of(self, snapshot: CutSnapshot, key: Hashable, decide: Callable[[], Decision]) -> Decision:
        """Return what was decided about this part of a snapshot, or what is decided now.

        `key` tells the part, and all that a decision depends on besides the snapshot.
        """
        known = self._known.setdefault(snapshot, OrderedDict())
        found = known.get(key)
        if found is None:
            found = known[key] = decide()
            if len(known) > _REMEMBERED:
                known.popitem(last=False)
        return found
