"""What can keep the host from starting.

HostError
├── Misconfigured   a setting or host.json is wrong or missing: correct it and start again
└── Rejected        Azure would not load this function app: correct the code and start again
"""


class HostError(Exception):
    """The host cannot start; the message says why and what to do."""


class Misconfigured(HostError):
    """A setting or host.json is wrong or missing."""


class Rejected(HostError):
    """The function app has something Azure, or this host, does not load."""
