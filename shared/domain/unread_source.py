"""A group that a directory refuses or does not have: since when, and what follows after a day and after a week."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

#: Time after which a group that was not found, and is not found again, no longer exists.
GONE_AFTER: Final = timedelta(hours=24)
#: Time after which a group that is still refused can be unmapped in one step.
UNMAPPED_AFTER: Final = timedelta(days=7)


class UnreadSource(msgspec.Struct, frozen=True, kw_only=True):
    """Since when no run could read a group although the directory answered."""

    refused_since: datetime
    #: Since when the directory always answers that the group does not exist; None if its last answer was another.
    missing_since: datetime | None = None

    def is_gone(self, now: datetime) -> bool:
        """Return whether a group that is not found again no longer exists."""
        return self.missing_since is not None and now - self.missing_since >= GONE_AFTER

    def can_be_unmapped(self, now: datetime) -> bool:
        """Return whether the group has been refused for so long that it can be unmapped in one step."""
        return now - self.refused_since >= UNMAPPED_AFTER
