"""Errors that prevent the host from starting.

HostError
├── Misconfigured   a setting or host.json is wrong or missing: correct it and start again
└── Rejected        Azure would not load this function app: correct the code and start again
"""


class HostError(Exception):
    """The host cannot start. The message contains the reason and the next step."""


class Misconfigured(HostError):
    """A setting or host.json is wrong or missing."""


class Rejected(HostError):
    """Azure or this host cannot load a part of the function app."""
