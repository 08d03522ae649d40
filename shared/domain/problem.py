"""What went wrong at a source, a location or a connection, in a form that the history keeps."""

from enum import StrEnum

import msgspec


class ErrorCategory(StrEnum):
    """What kind of error a directory reported, as its provider explains the code."""

    #: The credentials do not work; retrying does not help until a person enters others.
    CREDENTIALS = "credentials"
    #: A permission or consent is missing.
    PERMISSION = "permission"
    #: The directory limits requests.
    THROTTLED = "throttled"
    #: A failure that passes without intervention.
    TRANSIENT = "transient"
    #: An error on our side, or one that the provider does not know.
    OURS = "ours"


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What an error code means to an admin."""

    title: str
    detail: str
    fix: str
    category: ErrorCategory


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that went wrong without stopping the run: what it concerns, a stable code, a sentence."""

    concerns: str
    code: str
    detail: str
    #: Of an error that a directory reported.
    category: ErrorCategory | None = None
