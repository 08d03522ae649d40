"""Exit codes of all commands."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes. Scripts depend on them, so they never change."""

    DONE = 0
    #: The API refused the request; nothing was changed.
    REFUSED = 1
    #: Invalid arguments, or the address or the key is missing.
    USAGE = 2
    #: Done, but the result needs attention: a held or failed run, refused rows, a failed check.
    ATTENTION = 3
    #: The API did not respond, or is temporarily unavailable.
    UNREACHABLE = 4
