"""Faults that a test has asked for: which request they wait for, and what then happens."""

import re
from functools import cached_property
from typing import Literal

import msgspec

from infra.local.entra.state.fault_actions import Action


class FaultWish(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A request that matches all that is given, the `nth` such and `count` in a row, meets the action."""

    action: Action
    where: Literal["graph", "login"] = "graph"
    path: str = ""  #: a regular expression, searched in the decoded path and query
    method: str = ""
    directory: str = ""  #: its name
    application: str = ""  #: an application id
    in_batch: bool | None = None  #: True: only parts of a `$batch`, False: only what is none
    nth: int = 1  #: 1: the first that matches
    count: int = 1  #: 0: for ever

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """`path`, compiled."""
        return re.compile(self.path)


class _Armed(msgspec.Struct, kw_only=True):
    id: int
    wish: FaultWish
    matched: int = 0
    fired: int = 0


class Faults:
    """All armed faults; the first one that is due wins."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []
        self._last_id = 0

    def arm(self, wish: FaultWish) -> int:
        """The fault's number.

        Raises:
            re.error: its path is no regular expression.
        """
        re.compile(wish.path)
        self._last_id += 1
        self._armed.append(_Armed(id=self._last_id, wish=wish))
        return self._last_id

    def disarm(self, number: int) -> None:
        """It no longer happens."""
        self._armed = [one for one in self._armed if one.id != number]

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._armed.clear()

    def report(self) -> list[dict[str, object]]:
        """What is armed, how often it matched, how often it happened."""
        return [{"id": one.id, "matched": one.matched, "fired": one.fired, "fault": one.wish} for one in self._armed]

    def due(
        self, where: str, *, method: str, path: str, directory: str, application: str, in_batch: bool = False
    ) -> Action | None:
        """What happens to this request; every fault that matches counts it."""
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
