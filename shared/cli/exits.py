"""How a command ends, as its exit code says."""

from enum import IntEnum


class Exit(IntEnum):
    """Stable: scripts look at them."""

    DONE = 0
    #: The API refused what was asked for, and nothing was done.
    REFUSED = 1
    #: The command line itself makes no sense, or the address or the key is missing.
    USAGE = 2
    #: It was done, and somebody has to look: a held or failed run, refused rows, a check that failed.
    ATTENTION = 3
    #: The API did not answer, or could not just now.
    UNREACHABLE = 4
