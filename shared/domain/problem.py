"""Problems: errors at a source, a location or a connection, as the history records them."""

from enum import StrEnum

import msgspec


class ErrorCategory(StrEnum):
    """Category of an error code of a directory, as explained by its provider."""

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
    """The meaning of an error code for an admin."""

    title: str
    detail: str
    fix: str
    category: ErrorCategory


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error that did not stop the run: the affected source or location, a stable code and a sentence."""

    concerns: str
    code: str
    detail: str
    #: Of an error that a directory reported.
    category: ErrorCategory | None = None
    #: Names of the properties that the directory withholds; an admin can accept that they were cleared.
    properties: tuple[str, ...] = ()
