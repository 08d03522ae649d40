"""Versions of what people edit: a tag that changes with every write, and what a caller who names one means to replace.

A tag is made of the stored row's ETag, to which the write is then bound: of two who saw the same version, one wins.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from hashlib import sha256
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from shared.errors import ChangedMeanwhile, ETagConflict

T = TypeVar("T")
#: Characters of a tag: more than anybody could guess, less than a header minds.
_TAG_CHARACTERS: Final = 32


class Part(StrEnum):
    """The parts of a tenant's configuration that are edited as a whole; each is one stored row."""

    TENANT = "tenant"
    ADMINS = "admins"
    SSO = "sso"
    PREFERENCES = "preferences"
    CONNECTION = "connection"


class Tagged(NamedTuple, Generic[T]):
    """What somebody reads or has written, and the tag of just this version."""

    value: T
    tag: str


class Expected(msgspec.Struct, frozen=True):
    """The ETag of the row that a write replaces, None where it must find none. The write fails if it finds another."""

    etag: str | None


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller expects to find: one of these versions, any at all, or nothing."""

    tags: frozenset[str] = frozenset()
    #: Whatever there is, but something.
    existing: bool = False
    #: Nothing yet.
    new: bool = False

    def require(self, tag: str, *, exists: bool) -> None:
        """Hold if this is what the caller expects to find. Raises: ChangedMeanwhile."""
        if self.new:
            met = not exists
        elif self.existing:
            met = exists
        else:
            met = tag in self.tags
        if not met:
            raise changed_meanwhile()


def tag_of(etag: str | None, *scope: str) -> str:
    """Return the tag of a row with this ETag, None for one that is not there; `scope` says whose row it is."""
    return sha256("\n".join((*scope, etag or "")).encode()).hexdigest()[:_TAG_CHARACTERS]


def expected(condition: Condition | None, etag: str | None, *scope: str) -> Expected | None:
    """Return what a write must find, None if it may find anything. Raises: ChangedMeanwhile if it is not there now."""
    if condition is None:
        return None
    condition.require(tag_of(etag, *scope), exists=etag is not None)
    return Expected(etag)


@contextmanager
def bound_to(expected: Expected | None) -> Iterator[None]:
    """Raise ChangedMeanwhile where a write that expects a version finds another."""
    try:
        yield
    except ETagConflict as error:
        if expected is None:
            raise
        raise changed_meanwhile() from error


def changed_meanwhile() -> ChangedMeanwhile:
    """Return the error for whoever expected another version."""
    return ChangedMeanwhile("This was changed after you loaded it. Your change was not saved.")
