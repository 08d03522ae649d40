r"""Ids, and the only functions that turn text from outside into one.

Ids become keys of Table Storage, which forbids `/ \ # ?` and control characters; a tenant's or location's id is
narrower still, so that no id can contain the `:` that separates the parts of a key.
Source: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

import re
from typing import NewType

from shared.errors import Rejected

TenantId = NewType("TenantId", str)
LocationId = NewType("LocationId", str)
#: Object ids of Entra ID (users, groups, service principals): a lower-case GUID.
ObjectId = NewType("ObjectId", str)
RecipientId = NewType("RecipientId", str)
RunId = NewType("RunId", str)
#: Names one upload of a large file; made like a run's.
ImportId = NewType("ImportId", str)
#: Names one source of a run: `users`, `group-<object id>` or `group-<object id>-direct`.
SourceId = NewType("SourceId", str)

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NEARLY_GUID = re.compile(r"[0-9a-f-]{1,40}")
_RUN = re.compile(r"[0-9]{13}-[0-9a-f]{8}")
_RECIPIENT = re.compile(r"[A-Za-z0-9._-]{1,128}")

#: Run ids begin with this many milliseconds minus the time of the request, so that the newest sorts first.
_NEWEST_FIRST_MS = 9_999_999_999_999


def tenant_id(text: str) -> TenantId:
    """Return a tenant's id. Raises: Rejected unless it is 1-64 of `a-z 0-9 -`, not at an end of it a `-`."""
    if not _SLUG.fullmatch(text):
        raise Rejected(f"{text[:80]!r} is no tenant id: use 1 to 64 of a-z, 0-9 and -.", code="invalid_tenant_id")
    return TenantId(text)


def location_id(text: str) -> LocationId:
    """Return a location's id. Raises: Rejected unless it is 1-64 of `a-z 0-9 -`, not at an end of it a `-`."""
    if not _SLUG.fullmatch(text):
        raise Rejected(f"{text[:80]!r} is no location id: use 1 to 64 of a-z, 0-9 and -.", code="invalid_location_id")
    return LocationId(text)


def object_id(text: str) -> ObjectId:
    """Return an object id in lower case. Raises: Rejected unless it is a GUID; surrounding space is forgiven."""
    lowered = text.strip().lower()
    if not _GUID.fullmatch(lowered):
        # what does not even look like one may be a secret in the wrong field, and is not repeated
        shown = repr(lowered) if _NEARLY_GUID.fullmatch(lowered) else "This"
        raise Rejected(f"{shown} is no object id: it must be a GUID.", code="invalid_object_id")
    return ObjectId(lowered)


def run_id(text: str) -> RunId:
    """Return a run's id. Raises: Rejected unless it has the form that `new_run_id` makes."""
    if not _RUN.fullmatch(text):
        raise Rejected(f"{text[:80]!r} is no run id.", code="invalid_run_id")
    return RunId(text)


def import_id(text: str) -> ImportId:
    """Return an import's id. Raises: Rejected unless it has the form that `new_run_id` makes."""
    if not _RUN.fullmatch(text):
        raise Rejected(f"{text[:80]!r} is no import id.", code="invalid_import_id")
    return ImportId(text)


def recipient_id(text: str) -> RecipientId:
    """Return a recipient's id. Raises: Rejected unless it is 1-128 of letters, digits, `.`, `_` and `-`."""
    if not _RECIPIENT.fullmatch(text):
        raise Rejected(f"{text[:80]!r} is no recipient id.", code="invalid_recipient_id")
    return RecipientId(text)


def new_run_id(now_ms: int, entropy: int) -> RunId:
    """Return the id of a run requested at `now_ms` (milliseconds since 1970 UTC); later runs sort before earlier."""
    return RunId(f"{_NEWEST_FIRST_MS - now_ms:013d}-{entropy % 2**32:08x}")
