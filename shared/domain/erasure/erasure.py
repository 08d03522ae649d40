"""The erasure of one person: what is to be erased, how far it is, and what was erased."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from shared.domain.erasure.person import Identifier, Person
from shared.domain.ids import TenantId

#: Time after which the jobs that ran at the first erasure have ended: host.json ends a function after ten minutes.
SETTLED_AFTER: Final = timedelta(minutes=15)
#: Number of times that everything is looked at to find ids and addresses: what is found last can match earlier rows.
FINDINGS: Final = 2


class ErasureState(StrEnum):
    """State of an erasure."""

    #: The ids and addresses of the person are collected.
    FINDING = "finding"
    ERASING = "erasing"
    #: Everything was erased once, and is erased again when nothing that ran then can still write.
    SETTLING = "settling"
    DONE = "done"
    #: Several people have the address; nothing was erased.
    AMBIGUOUS = "ambiguous"

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self in {ErasureState.DONE, ErasureState.AMBIGUOUS}


class Position(NamedTuple):
    """The row after which an erasure continues."""

    table: str
    partition: str
    row: str


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """The erasure of one person. It is stored before anything is erased, and names no person once it is done."""

    id: str
    tenant: TenantId
    at: datetime
    #: The caller who asked for it.
    by: str
    identifier: Identifier
    person: Person
    state: ErasureState = ErasureState.FINDING
    #: Number of times that everything was looked at.
    rounds: int = 0
    #: Where the round continues; None at its begin.
    position: Position | None = None
    #: The tenant's fencing token when the round began: a run that begins before the last snapshot was looked at makes
    #: another round necessary.
    fencing_token: int = 0
    #: When everything had been erased once, by the clock of storage.
    erased_at: datetime | None = None
    #: Number of recipients and rows that were erased or changed, by table.
    erased: Mapping[str, int] = {}
    #: Number of rows that the last round could not read. They can name the person.
    unread: int = 0
    ended_at: datetime | None = None

    def plus(self, erased: Mapping[str, int]) -> "Erasure":
        """Return the erasure with more erased rows."""
        names = sorted(self.erased.keys() | erased.keys())
        total = {name: self.erased.get(name, 0) + erased.get(name, 0) for name in names}
        return msgspec.structs.replace(self, erased={name: number for name, number in total.items() if number})

    def ended(self, state: ErasureState, at: datetime) -> "Erasure":
        """Return the erasure at its end, without the person."""
        by = self.person.without_ids(self.by) if state is ErasureState.DONE else self.by
        return msgspec.structs.replace(self, state=state, by=by, person=Person(), position=None, ended_at=at)
