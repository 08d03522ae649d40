"""Names that people give to tenants and locations."""

from typing import Final

from shared.errors import Rejected

#: Maximum length of a name, in characters.
MAX_NAME: Final = 200


def valid_name(text: str) -> str:
    """Return the name without surrounding spaces. Raises Rejected (`invalid_name`)."""
    name = text.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Rejected(f"Invalid name: use 1 to {MAX_NAME} printable characters.", code="invalid_name")
    return name
