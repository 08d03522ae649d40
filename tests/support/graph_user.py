"""A user's texts as Microsoft Graph sends them."""

from collections.abc import Mapping
from typing import Any

from shared.adapters.entra.schema import TEXT_PATHS


def camel(name: str) -> str:
    """Return what Graph calls an attribute."""
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


def properties_of(texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties that carry these fields of DirectoryUser, each where the schema says that it is."""
    properties: dict[str, Any] = {}
    for name, text in texts.items():
        *outer, last = TEXT_PATHS[name]
        place = properties
        for attribute in outer:
            place = place.setdefault(camel(attribute), {})
        place[camel(last)] = text
    return properties
