"""Which fault befalls a request to storage or to the vault, drawn by a seed."""

import random
import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """What can happen to a request and its answer."""

    RESET_AFTER = "reset after the request was applied"
    ERROR_500_AFTER = "500 after the request was applied"
    ERROR_503_AFTER = "503 after the request was applied"
    THROTTLED_429 = "429"
    CONFLICT_412 = "412 without a reason"
    TRUNCATED = "answer cut off"
    CUT_PAGE = "page of a listing cut short"
    LATE_WRITE = "write applied after it was answered with 500"
    DUPLICATE_WRITE = "write applied twice"
    DELAY = "delay"
    VAULT_500 = "500 of the vault"
    VAULT_429 = "429 of the vault"
    VAULT_RESET = "connection to the vault reset"
    VAULT_TRUNCATED = "answer of the vault cut off"


_LOST: Final = (Fault.RESET_AFTER, Fault.ERROR_500_AFTER, Fault.ERROR_503_AFTER)
_VAULT: Final = (Fault.VAULT_500, Fault.VAULT_429, Fault.VAULT_RESET, Fault.VAULT_TRUNCATED)
#: A request for messages, of which hosts send many while nothing happens.
_POLL: Final = re.compile(r"/messages\?(?!.*peekonly)", re.IGNORECASE)
#: A query of a table, as the product and the SDK send it.
_LISTING: Final = re.compile(r"/[A-Za-z]+(\(\))?(\?|$)")
_CONDITIONAL: Final = re.compile(rb"\r\nIf-Match: *W/", re.IGNORECASE)
#: Share of the usual rate that polls have.
_POLLS: Final = 0.1


class Service(StrEnum):
    """A service behind a proxy."""

    BLOB = "blob"
    QUEUE = "queue"
    TABLE = "table"
    VAULT = "vault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is known of a request."""

    service: Service
    #: The port at which it arrived.
    port: int
    method: str
    path: str
    if_match: str
    body: bytes
    #: In seconds of the monotonic clock. A delayed or late write may be applied when its sender is dead.
    arrived_s: float = 0.0

    @property
    def writes(self) -> bool:
        """Return whether it changes what is stored, apart from hiding messages."""
        return self.method not in {"GET", "HEAD"} and self.service in {Service.QUEUE, Service.TABLE}

    @property
    def is_batch(self) -> bool:
        """Return whether it is a batch of operations on a table."""
        return self.service is Service.TABLE and self.path.partition("?")[0].endswith("/$batch")

    @property
    def is_poll(self) -> bool:
        """Return whether it takes messages of a queue."""
        return self.service is Service.QUEUE and self.method == "GET" and _POLL.search(self.path) is not None

    @property
    def is_conditional(self) -> bool:
        """Return whether it depends on the version of a row."""
        if self.service is not Service.TABLE:
            return False
        return self.if_match.startswith("W/") or (self.is_batch and _CONDITIONAL.search(self.body) is not None)

    @property
    def lists_rows(self) -> bool:
        """Return whether it is a query, whose answer may consist of several pages."""
        return self.service is Service.TABLE and self.method == "GET" and _LISTING.search(self.path) is not None

    def possible(self) -> list[Fault]:
        """Return the faults that can befall it."""
        if self.service is Service.BLOB:
            return []
        if self.service is Service.VAULT:
            return list(_VAULT)
        if self.is_poll:
            return [*_LOST, Fault.DELAY]
        found = [*_LOST, Fault.THROTTLED_429, Fault.DELAY]
        found += [Fault.LATE_WRITE, Fault.DUPLICATE_WRITE] if self.writes else []
        found += [Fault.CONFLICT_412] if self.is_conditional else []
        found += [Fault.TRUNCATED] if self.is_batch or not self.writes else []
        return found + ([Fault.CUT_PAGE] if self.lists_rows else [])


class Faults:
    """Draws faults by a seed, at a rate per request, and counts those that happened.

    Of the possible ones, the rarest so far is the likeliest, so that a short round has many kinds.
    """

    def __init__(self, seed: str, rate: float) -> None:
        self.rate = rate
        self.vault_rate = 0.0
        self.counts: Counter[Fault] = Counter()
        self.random = random.Random(seed)

    def draw(self, asked: Asked) -> Fault | None:
        """Return the fault of a request, or None."""
        rate = self.vault_rate if asked.service is Service.VAULT else self.rate * (_POLLS if asked.is_poll else 1)
        possible = asked.possible()
        if not possible or self.random.random() >= rate:
            return None
        weights = [1 / (1 + self.counts[fault]) for fault in possible]
        return self.random.choices(possible, weights)[0]
