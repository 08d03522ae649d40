"""A stored value with the ETag under which it was read."""

from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Versioned(NamedTuple, Generic[T]):
    """A stored value and the ETag under which it was read. The ETag is None if the row does not exist yet."""

    value: T
    etag: str | None
