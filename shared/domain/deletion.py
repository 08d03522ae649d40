"""A tenant that was deleted, until nothing can be left of it."""

from datetime import datetime

import msgspec


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """When a tenant was deleted, and whether what came afterwards is being erased."""

    at: datetime
    sweeping: bool = False
