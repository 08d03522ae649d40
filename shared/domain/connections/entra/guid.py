"""GUIDs: the form of Entra ID's ids of tenants, applications, service principals, users and groups."""

import re
from typing import Final

from shared.domain.ids import ObjectId
from shared.errors import Rejected

_GUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NEARLY_GUID: Final = re.compile(r"[0-9a-f-]{1,40}")


def guid(text: str) -> ObjectId:
    """Return an id of Entra ID in lower case, without surrounding whitespace. Raises Rejected if it is not a GUID."""
    lowered = text.strip().lower()
    if not _GUID.fullmatch(lowered):
        # text that does not resemble a GUID may be a secret in the wrong field, so the message does not repeat it
        shown = repr(lowered) if _NEARLY_GUID.fullmatch(lowered) else "This"
        raise Rejected(f"{shown} is not a valid object ID: it must be a GUID.", code="invalid_object_id")
    return ObjectId(lowered)


def is_guid(text: str) -> bool:
    """Return whether a text has the form of an Entra ID id, in upper or lower case."""
    return _GUID.fullmatch(text.lower()) is not None
