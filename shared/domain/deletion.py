"""Deletions of tenants and locations, with their progress."""

from datetime import datetime

import msgspec


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """Tombstone of a deleted tenant, with the progress of the deletion."""

    at: datetime
    #: True since the version of the app that stores progress: earlier versions do not use the id while it is.
    sweeping: bool = False
    #: Number of rows that were deleted so far.
    rows: int = 0
    #: When the tenant itself was gone, by the clock of storage: nothing of it begins afterwards.
    gone_at: datetime | None = None
    #: When nothing was left of the tenant; None before, and again if something was written late.
    empty_at: datetime | None = None


class LocationDeletion(msgspec.Struct, frozen=True, kw_only=True):
    """A deleted location of which rows are left, with the progress of the deletion."""

    at: datetime
    #: Number of rows that were deleted so far.
    rows: int = 0
