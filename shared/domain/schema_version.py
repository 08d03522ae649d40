"""Schema version of packed rows and of messages.

Version N is readable for N-1, so that a new version of the app can be taken back without stopping a tenant. A field or
value that N-1 cannot read may therefore be written only by the version after the one that first reads it.
"""

from typing import Final

from shared.domain.retry_policy import UNREADABLE
from shared.errors import Unreadable

#: The version that is written.
SCHEMA: Final = 1
#: The newest version that is read.
READABLE: Final = SCHEMA + 1


def unreadable(what: str) -> Unreadable:
    """Return the error for a row or message that cannot be read."""
    return Unreadable(
        f"{what} was written by a newer version of the app, or is damaged. It is left alone.",
        retry_after_s=UNREADABLE.first_wait_s,
    )


def require_readable(version: object, what: str) -> None:
    """Raise Unreadable if the version is a number above READABLE."""
    if isinstance(version, int) and version > READABLE:
        raise unreadable(what)
