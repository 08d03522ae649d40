"""Leaves out fields that a newer version of the app has stored, also in types that refuse unknown fields.

These types are also bodies of requests, where an unknown field is a mistake.
"""

from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from msgspec import inspect

T = TypeVar("T")


def without_unknown(stored: object, kind: type[T]) -> T:
    """Return plain decoded data as a value of a type. Raises msgspec.ValidationError if more than fields is unknown."""
    return msgspec.convert(_known(stored, _type_of(cast("object", kind))), kind)


@cache  # takes 0.1 ms
def _type_of(kind: object) -> inspect.Type:
    return inspect.type_info(kind)


def _known(stored: Any, kind: inspect.Type) -> Any:  # noqa: ANN401 - plain data
    if isinstance(kind, inspect.UnionType):
        kind = next((option for option in kind.types if isinstance(option, _of(stored))), kind)
    if isinstance(stored, dict) and isinstance(kind, inspect.StructType):
        fields = {field.encode_name: field.type for field in kind.fields}
        return {name: _known(value, fields[name]) for name, value in stored.items() if name in fields}
    if isinstance(stored, dict) and isinstance(kind, inspect.DictType):
        return {name: _known(value, kind.value_type) for name, value in stored.items()}
    if isinstance(stored, list) and isinstance(kind, inspect.CollectionType):
        return [_known(value, kind.item_type) for value in stored]
    return stored


def _of(stored: object) -> tuple[type[inspect.Type], ...]:
    """Return the kinds of types that plain data can be a value of, as far as they have fields."""
    if isinstance(stored, dict):
        return inspect.StructType, inspect.DictType
    return (inspect.CollectionType,)
