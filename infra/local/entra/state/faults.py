"""Requested faults: the requests that they match, and their effect."""

import re
from functools import cached_property
from typing import Literal

import msgspec

from infra.local.entra.state.fault_actions import Action


class FaultWish(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A fault for requests that match all given conditions: from the `nth` match on, `count` times in a row."""

    action: Action
    where: Literal["graph", "login"] = "graph"
    path: str = ""  #: a regular expression, searched for in the decoded path and query
    method: str = ""
    directory: str = ""  #: its name
    application: str = ""  #: an application id
    in_batch: bool | None = None  #: True: only parts of a `$batch`; False: only other requests
    nth: int = 1  #: 1: the first matching request
    count: int = 1  #: 0: without a limit

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Return `path`, compiled."""
        return re.compile(self.path)


class _Armed(msgspec.Struct, kw_only=True):
    id: int
    wish: FaultWish
    matched: int = 0
    fired: int = 0


class Faults:
    """All armed faults. The first one that is due takes effect."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []
        self._last_id = 0

    def arm(self, wish: FaultWish) -> int:
        """Arm the fault and return its number.

        Raises:
            re.error: Its path is not a valid regular expression.
        """
        re.compile(wish.path)
        self._last_id += 1
        self._armed.append(_Armed(id=self._last_id, wish=wish))
        return self._last_id

    def disarm(self, number: int) -> None:
        """Remove one fault."""
        self._armed = [one for one in self._armed if one.id != number]

    def clear(self) -> None:
        """Remove all faults."""
        self._armed.clear()

    def report(self) -> list[dict[str, object]]:
        """Return the armed faults, with their numbers of matches and occurrences."""
        return [{"id": one.id, "matched": one.matched, "fired": one.fired, "fault": one.wish} for one in self._armed]

    def due(
        self, where: str, *, method: str, path: str, directory: str, application: str, in_batch: bool = False
    ) -> Action | None:
        """Return the fault of this request, if any. Every matching fault counts the request."""
        action: Action | None = None
        for one in self._armed:
            wish = one.wish
            if (
                wish.where != where
                or (wish.method and wish.method != method)
                or (wish.directory and wish.directory != directory)
                or (wish.application and wish.application != application)
                or wish.in_batch not in {None, in_batch}
                or not wish.pattern.search(path)
            ):
                continue
            one.matched += 1
            if action is None and one.matched >= wish.nth and (not wish.count or one.matched < wish.nth + wish.count):
                one.fired += 1
                action = wish.action
        return action
