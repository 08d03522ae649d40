"""Repeats: the messages with which the jobs of a run continue, wait or are sent again, and what they have cost."""

import msgspec


class Repeats(msgspec.Struct, frozen=True, kw_only=True):
    """Number of such messages of a run, and of the requests of the invocations that sent them."""

    messages: int = 0
    requests: int = 0
