"""Code generation for structs: constructors that take their values field by field, compiled when a module is imported.

A generated call passes values by position, as fast as one written by hand. `msgspec.convert` and calls with `*` or
`**` cost twice as much CPU, keywords up to ten times as much, for every person on every page. `dataclasses` generates
`__init__` in the same way.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)


def compile_constructor(kind: type[T], parameters: str, values: Mapping[str, str], **names: object) -> Callable[..., T]:
    """Return a function of `parameters` that constructs `kind`.

    Args:
        kind: the struct to construct.
        parameters: names of the function's parameters, separated by commas.
        values: source text of the value of every field; it may use the parameters and `names`, and must consist of
            names that are declared in this repository.
        **names: other names that the values use.

    Raises:
        ValueError: if a field has no value or a value has no field, so that a new field cannot be forgotten.

    """
    source = f"lambda {parameters}: {_call(kind, values)}"
    constructor: Callable[..., T] = eval(source, {**names, "_kind": kind})  # noqa: S307 - see `values` above
    return constructor


def _call(kind: type[msgspec.Struct], values: Mapping[str, str]) -> str:
    fields = kind.__struct_fields__
    if different := values.keys() ^ set(fields):
        raise ValueError(f"The values of {kind.__name__} do not match its fields: {', '.join(sorted(different))}.")
    return f"_kind({', '.join(values[name] for name in fields)})"
