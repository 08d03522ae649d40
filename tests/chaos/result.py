"""What a round showed."""

from collections.abc import Iterable
from typing import Self

import msgspec

from tests.chaos.plan import Round


class Result(msgspec.Struct, kw_only=True):
    """What a round showed."""

    number: int
    recipients: int
    #: All waits were divided by it.
    factor: float
    faults: dict[str, int] = {}
    events: dict[str, int] = {}
    #: Longest time from the beginning of an event to the next write for the tenant, in seconds, by event.
    recovery_s: dict[str, float] = {}
    #: Events that were to happen when the step was over already.
    missed: int = 0
    #: Syncs and imports that ended otherwise than done, and were repeated as by a customer.
    repeated: int = 0
    differences: list[str] = []
    seconds: float = 0.0

    @classmethod
    def of(cls, plan: Round, differences: Iterable[str] = ()) -> Self:
        """Return the result of a round that has shown nothing else yet."""
        return cls(number=plan.number, recipients=plan.recipients, factor=plan.factor, differences=list(differences))
