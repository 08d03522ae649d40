r"""Id types, and the only functions that convert external text into ids.

Ids become keys of Table Storage, which forbids `/ \ # ?` and control characters. Ids of tenants, connections and
locations are slugs, without the `:` that separates the parts of a key. A directory's ids of people and groups can be
any text; they become part of a key only as a hash.
Source: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

import re
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, NewType

from shared.errors import Rejected

TenantId = NewType("TenantId", str)
LocationId = NewType("LocationId", str)
#: Id of one of a tenant's connections; a slug, so it never contains a `:`.
ConnectionId = NewType("ConnectionId", str)
#: A directory's id of a person or a group, unique within one connection: opaque, case-sensitive text. Only the
#: adapter of the directory may interpret it.
ObjectId = NewType("ObjectId", str)
RecipientId = NewType("RecipientId", str)
RunId = NewType("RunId", str)
#: Name of a named key; a slug.
KeyName = NewType("KeyName", str)
#: Id of one upload of a large file, in the form of a run id.
ImportId = NewType("ImportId", str)
#: Id of a source: `<connection>:users`, or `<connection>:group-<hash>` and `<connection>:direct-group-<hash>` with a
#: hash of the group's id, so that keys, messages and logs never contain the group's id itself.
SourceId = NewType("SourceId", str)

#: The connection that every tenant has today.
MAIN: Final = ConnectionId("main")

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
#: Excludes control characters, and halves of surrogate pairs, which UTF-8 cannot encode.
_OBJECT = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,128}")
_ATTEMPT = re.compile(r"[0-9a-f]{16}")
_RUN = re.compile(r"[0-9]{13}-[0-9a-f]{8}")
#: Length of a hash, in hexadecimal digits: 128 bits, so that a collision among a billion people is improbable.
_HASH_DIGITS: Final = 32
_SOURCE = re.compile(rf"{_SLUG.pattern}:(?:users|(?:direct-)?group-[0-9a-f]{{{_HASH_DIGITS}}})")
_RECIPIENT = re.compile(r"[A-Za-z0-9._-]{1,128}")

#: A run id begins with this number minus the time of the request in milliseconds, so that the newest run sorts first.
_NEWEST_FIRST_MS = 9_999_999_999_999


def tenant_id(text: str) -> TenantId:
    """Return a tenant id. Raises Rejected unless it has 1 to 64 of `a-z 0-9 -` and neither begins nor ends with `-`."""
    if not _SLUG.fullmatch(text):
        raise Rejected(
            f"Invalid tenant id {text[:80]!r}: use 1 to 64 characters from a-z, 0-9 and '-'.", code="invalid_tenant_id"
        )
    return TenantId(text)


def location_id(text: str) -> LocationId:
    """Return a location id. Raises Rejected unless it has the form of a tenant id."""
    if not _SLUG.fullmatch(text):
        raise Rejected(
            f"Invalid location id {text[:80]!r}: use 1 to 64 characters from a-z, 0-9 and '-'.",
            code="invalid_location_id",
        )
    return LocationId(text)


def key_name(text: str) -> KeyName:
    """Return the name of a named key. Raises Rejected unless it has the form of a tenant id."""
    if not _SLUG.fullmatch(text):
        # rejected text may be a key in the wrong field, so the message does not repeat it
        raise Rejected("Invalid name of a key: use 1 to 64 characters from a-z, 0-9 and '-'.", code="invalid_key_name")
    return KeyName(text)


def object_id(text: str) -> ObjectId:
    """Return the id of a person or a group, unchanged. Raises Rejected unless it has 1 to 128 printable characters."""
    if not _OBJECT.fullmatch(text):
        # rejected text may be a secret in the wrong field, so the message does not repeat it
        raise Rejected("Invalid object ID: use 1 to 128 characters, no control characters.", code="invalid_object_id")
    return ObjectId(text)


def recipient_id_of(connection: ConnectionId, person: ObjectId) -> RecipientId:
    """Return the id of a person's recipient, the same at all locations, for recipients of origin `directory`.

    The id is the first 32 hexadecimal digits of SHA-256 over `<connection>:<object id>` in UTF-8. A connection's id
    contains no `:`, so two pairs never give the same text. The order of these ids is the order of hash ranges.
    """
    # without a call of RecipientId, which costs a fifth of the rest: this is done for every person of a comparison
    return sha256(f"{connection}:{person}".encode()).hexdigest()[:_HASH_DIGITS]  # type: ignore[return-value]


def whole_directory(connection: ConnectionId) -> SourceId:
    """Return the id of the source that contains all users of a connection's directory."""
    return SourceId(f"{connection}:users")


def connection_of(source: SourceId) -> ConnectionId:
    """Return the connection that a source is read through."""
    return ConnectionId(source.partition(":")[0])


def is_whole_directory(source: SourceId) -> bool:
    """Return whether a source contains all users of a directory, not the members of a group."""
    return source.endswith(":users")


def group_source(connection: ConnectionId, group: ObjectId, *, transitive: bool) -> SourceId:
    """Return the id of the source that contains the members of a group, or only its direct members."""
    kind = "group" if transitive else "direct-group"
    digits = sha256(f"{connection}:{group}".encode()).hexdigest()[:_HASH_DIGITS]
    return SourceId(f"{connection}:{kind}-{digits}")


def source_id(text: str) -> SourceId:
    """Return a source id. Raises Rejected if the text does not have the form of one."""
    if not _SOURCE.fullmatch(text):
        raise Rejected(f"{text[:80]!r} is not a valid source id.", code="invalid_source_id")
    return SourceId(text)


def run_id(text: str) -> RunId:
    """Return a run id. Raises Rejected unless it has the form of `new_run_id`."""
    if not _RUN.fullmatch(text):
        raise Rejected(f"Invalid run id {text[:80]!r}: copy the id from the history.", code="invalid_run_id")
    return RunId(text)


def import_id(text: str) -> ImportId:
    """Return an import id. Raises Rejected unless it has the form of `new_run_id`."""
    if not _RUN.fullmatch(text):
        raise Rejected(
            f"Invalid import id {text[:80]!r}: use the id returned when the import was created.",
            code="invalid_import_id",
        )
    return ImportId(text)


def attempt_id(text: str) -> str:
    """Return the id of an attempt at a job. Raises Rejected unless it has 16 hexadecimal digits."""
    if not _ATTEMPT.fullmatch(text):
        raise Rejected(
            f"Invalid attempt id {text[:80]!r}: only the app itself creates them.", code="invalid_attempt_id"
        )
    return text


def recipient_id(text: str) -> RecipientId:
    """Return a recipient id. Raises Rejected unless it has 1 to 128 letters, digits, `.`, `_` and `-`."""
    if not _RECIPIENT.fullmatch(text):
        raise Rejected(
            f"Invalid recipient id {text[:80]!r}: copy the id from the list of recipients.", code="invalid_recipient_id"
        )
    return RecipientId(text)


def newest_first(at: datetime) -> str:
    """Return the 13 digits of a time, with a resolution of one millisecond. Those of later times sort first.

    A time before 1970 counts as 1970, and one after 2286 as 2286.
    """
    left_ms = _NEWEST_FIRST_MS - int(at.timestamp() * 1000)
    return f"{min(max(left_ms, 0), _NEWEST_FIRST_MS):013d}"


def new_run_id(now_ms: int, entropy: int) -> RunId:
    """Return the id of a run requested at `now_ms` (milliseconds since 1970 UTC). Later runs sort first."""
    return RunId(f"{_NEWEST_FIRST_MS - now_ms:013d}-{entropy % 2**32:08x}")


def requested_at(run: RunId) -> datetime:
    """Return the time in the id of a run, with a resolution of one millisecond."""
    return datetime.fromtimestamp((_NEWEST_FIRST_MS - int(run.partition("-")[0])) / 1000, UTC)


def run_id_at(requested_at: datetime, entropy: int) -> RunId:
    """Return the id of a run requested at this time, with a resolution of one millisecond."""
    return new_run_id(int(requested_at.timestamp() * 1000), entropy)
