"""The registry of person fields: what a field of a person declares in addition to its name and type.

Stored rows, API types, CSV columns, filters and the portal's forms are derived from it. Where a directory provider
finds a field is declared by that provider (`shared.adapters.entra.schema`).
"""

from typing import get_type_hints

import msgspec


class PersonField(msgspec.Struct, frozen=True):
    """Metadata of a struct's field, inside `Annotated`."""

    #: Name of the field in the portal.
    label: str
    #: Additional column names that an import recognises; case, spaces, `-` and `_` are ignored.
    csv: tuple[str, ...] = ()
    #: Whether filters and location rules can use it.
    filterable: bool = False


def person_fields(kind: type[msgspec.Struct]) -> dict[str, PersonField]:
    """Return the fields of a struct that are declared with a PersonField, by name, in the order of the struct."""
    hints = get_type_hints(kind, include_extras=True)
    return {
        name: metadata
        for name in kind.__struct_fields__
        for metadata in getattr(hints[name], "__metadata__", ())
        if isinstance(metadata, PersonField)
    }
