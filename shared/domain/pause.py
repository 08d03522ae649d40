"""Pause: an operator's emergency stop of all writing to recipients, of one tenant or of all."""

from datetime import datetime
from enum import StrEnum

import msgspec


class PauseScope(StrEnum):
    """What a pause stops."""

    TENANT = "tenant"
    ALL = "all"


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """A pause, which lasts until an operator ends it."""

    id: str
    scope: PauseScope
    at: datetime
    by: str


class PauseOfAll(msgspec.Struct, frozen=True, kw_only=True):
    """The pause of all tenants. It is stored before any tenant is paused, and deleted after all of them resumed."""

    pause: Pause
    #: Whether an operator has ended it, and tenants are being resumed.
    lifting: bool = False
