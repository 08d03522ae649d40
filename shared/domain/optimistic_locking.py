"""Optimistic locking over HTTP: entity tags of what people edit, and the preconditions of `If-Match`.

A tag is derived from the stored row's ETag, and the write is conditional on that ETag. Of two callers that loaded the
same version, only the first can save.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from hashlib import sha256
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from shared.errors import ChangedMeanwhile, ETagConflict

T = TypeVar("T")
#: Length of a tag, in characters: 128 bits cannot be guessed and fit into a header.
_TAG_CHARACTERS: Final = 32


class Part(StrEnum):
    """The parts of a tenant's configuration that are edited as a whole. Every part is one stored row."""

    TENANT = "tenant"
    ADMINS = "admins"
    SSO = "sso"
    PREFERENCES = "preferences"
    CONNECTION = "connection"


class Tagged(NamedTuple, Generic[T]):
    """A value that was read or written, and the tag of exactly this version."""

    value: T
    tag: str


class Replaced(NamedTuple, Generic[T]):
    """A value that was written, the tag of this version, and the value that it replaced."""

    value: T
    tag: str
    before: T


class Expected(msgspec.Struct, frozen=True):
    """Precondition of a write: the ETag of the row to replace, or None if the row must not exist."""

    etag: str | None


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's precondition: one of these versions, any existing version, or a row that does not exist."""

    tags: frozenset[str] = frozenset()
    #: The row must exist; any version is accepted.
    existing: bool = False
    #: The row must not exist yet.
    new: bool = False

    def require(self, tag: str, *, exists: bool) -> None:
        """Verify the precondition. Raises ChangedMeanwhile if it is not met."""
        if self.new:
            met = not exists
        elif self.existing:
            met = exists
        else:
            met = tag in self.tags
        if not met:
            raise changed_meanwhile()


def tag_of(etag: str | None, *scope: str) -> str:
    """Return the tag of a row from its ETag (None if the row does not exist) and the names that identify the row."""
    return sha256("\n".join((*scope, etag or "")).encode()).hexdigest()[:_TAG_CHARACTERS]


def expected(condition: Condition | None, etag: str | None, *scope: str) -> Expected | None:
    """Return the precondition of the write, or None for an unconditional one.

    Raises ChangedMeanwhile if the caller's condition is not met now.
    """
    if condition is None:
        return None
    condition.require(tag_of(etag, *scope), exists=etag is not None)
    return Expected(etag)


@contextmanager
def bound_to(expected: Expected | None) -> Iterator[None]:
    """Raise ChangedMeanwhile instead of ETagConflict if the write has a precondition."""
    try:
        yield
    except ETagConflict as error:
        if expected is None:
            raise
        raise changed_meanwhile() from error


def changed_meanwhile() -> ChangedMeanwhile:
    """Create the error for a caller that expected another version."""
    return ChangedMeanwhile("This was changed after you loaded it. Your change was not saved.")
