"""Row mapping of recipients: one column per field of the profile that has a value, and further columns."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from operator import is_
from typing import Any, Final, cast

import msgspec

from shared.adapters.stores import keys
from shared.adapters.tables.edm import EncodedRow, encode
from shared.adapters.tables.packing import decoding
from shared.domain.ids import ConnectionId, ObjectId, RecipientId
from shared.domain.recipient import TEXT_FIELDS, Origin, Profile, Recipient, Status
from shared.domain.struct_calls import compile_constructor

_PREFIX: Final = len(keys.RECIPIENTS[0])
_ENCODER: Final = msgspec.json.Encoder()
#: What no id of a group contains: a control character.
_BETWEEN_GROUPS: Final = "\n"
#: Maximum number of cached batches: locations of one tenant often receive the same people at about the same time.
_CACHED: Final = 32
#: Maximum size of a cached batch, in bytes.
_CACHED_BYTES: Final = 128 * 1024


class RecipientRow(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """The columns of a recipient's row without the text fields of the profile, which `FULL_ROW` adds."""

    key: str = msgspec.field(name="RowKey")
    origin: Origin
    status: Status
    object_id: ObjectId | None = None
    connection: ConnectionId | None = None
    reason: str | None = None
    last_applied: str | None = None
    groups: str | None = None
    aliases: str | None = None


#: The row with a property for every text field of the profile.
FULL_ROW: Final = cast(
    "type[RecipientRow]",
    msgspec.defstruct("FullRow", [(name, str | None, None) for name in TEXT_FIELDS], bases=(RecipientRow,)),
)
_full_row: Final = compile_constructor(
    FULL_ROW,
    "recipient, profile, last_applied",
    {
        "key": "key(recipient.id)",
        "origin": "recipient.origin",
        "status": "recipient.status",
        "object_id": "recipient.object_id",
        "connection": "recipient.connection",
        "reason": "recipient.reason",
        "last_applied": "last_applied",
        "groups": "join_groups(recipient.groups) if recipient.groups else None",
        "aliases": "' '.join(profile.aliases) if profile.aliases else None",
        **{name: f"profile.{name}" for name in TEXT_FIELDS},
    },
    key=keys.recipient,
    join_groups=_BETWEEN_GROUPS.join,
)
_profile: Final = compile_constructor(
    Profile,
    "row",
    {"aliases": "tuple(row.aliases.split()) if row.aliases else ()", **{name: f"row.{name}" for name in TEXT_FIELDS}},
)
_recipient: Final = compile_constructor(
    Recipient,
    "row, profile, last_applied",
    {
        "id": "row.key[prefix:]",
        "origin": "row.origin",
        "status": "row.status",
        "profile": "profile",
        "object_id": "row.object_id",
        "connection": "row.connection",
        "last_applied": "last_applied",
        "reason": "row.reason",
        "groups": "tuple(row.groups.split(between)) if row.groups else ()",
    },
    prefix=_PREFIX,
    between=_BETWEEN_GROUPS,
)


def row_of(partition: str, recipient: Recipient) -> dict[str, Any]:
    """Return the row of a recipient."""
    row: dict[str, Any] = {
        "PartitionKey": partition,
        "RowKey": keys.recipient(recipient.id),
        "origin": recipient.origin.value,
        "status": recipient.status.value,
        **msgspec.to_builtins(recipient.profile),  # unknown fields are left out
    }
    if recipient.profile.aliases:
        row["aliases"] = " ".join(recipient.profile.aliases)
    if recipient.groups:
        row["groups"] = _BETWEEN_GROUPS.join(recipient.groups)
    if recipient.object_id is not None:
        row["objectId"] = recipient.object_id
    if recipient.connection is not None:
        row["connection"] = recipient.connection
    if recipient.reason is not None:
        row["reason"] = recipient.reason
    if recipient.last_applied is None:
        row["lastApplied"] = ""
    elif recipient.last_applied != recipient.profile:
        row["lastApplied"] = msgspec.json.encode(recipient.last_applied).decode()
    return row


class RowEncoder:
    """Encodes batches of recipients, and a batch that goes to several partitions only once."""

    def __init__(self) -> None:
        #: By the first recipient of a batch: the batch, and the keys and encoded rows without their partition.
        self._cache: OrderedDict[RecipientId, tuple[Sequence[Recipient], list[tuple[str, bytes]]]] = OrderedDict()

    def rows(self, partition: str, recipients: Sequence[Recipient], *, remember: bool = True) -> list[EncodedRow]:
        """Return the rows as encoded by `edm.encode(row_of(...))`, in a fifth of the CPU time.

        Pass `remember` if the same recipients may be written to another partition next.
        """
        head = b'{"PartitionKey":' + _ENCODER.encode(partition) + b","
        return [EncodedRow(partition, key, head + rest) for key, rest in self._rests(recipients, remember)]

    def forget(self) -> None:
        """Clear the cache."""
        self._cache.clear()

    def _rests(self, recipients: Sequence[Recipient], remember: bool) -> list[tuple[str, bytes]]:  # noqa: FBT001 - private
        if not recipients:
            return []
        first = recipients[0].id
        cached, rests = self._cache.get(first, ((), []))
        if len(cached) == len(recipients) and all(map(is_, cached, recipients)):
            self._cache.move_to_end(first)
            return rests
        rests = [(keys.recipient(recipient.id), _rest(recipient)) for recipient in recipients]
        if remember and sum(len(rest) for _, rest in rests) <= _CACHED_BYTES:
            self._cache[first] = tuple(recipients), rests
            self._cache.move_to_end(first)
            if len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return rests


def _rest(recipient: Recipient) -> bytes:
    """Return the encoded row of a recipient without its partition."""
    profile, last_applied = recipient.profile, recipient.last_applied
    stored: str | None = None
    if last_applied is not profile and last_applied != profile:
        stored = msgspec.json.encode(last_applied).decode() if last_applied is not None else ""
    row = _full_row(recipient, profile, stored)
    try:
        return _ENCODER.encode(row)[1:]
    except UnicodeEncodeError:  # half of a surrogate pair, which needs an escape
        return _rest_of_row(recipient)


def _rest_of_row(recipient: Recipient) -> bytes:
    row = row_of("", recipient)
    del row["PartitionKey"]
    return encode(row)[1:]


def stored_recipient(row: Mapping[str, Any]) -> Recipient:
    """Return the recipient of an entity. Raises Unreadable."""
    with decoding():
        return recipient_of(msgspec.convert(dict(row), FULL_ROW))


def recipient_of(row: RecipientRow) -> Recipient:
    """Return the recipient of a row. `lastApplied` is absent where it equals the profile, which halves most rows."""
    profile = _profile(row)
    last_applied: Profile | None = profile
    if row.last_applied is not None:
        last_applied = msgspec.json.decode(row.last_applied, type=Profile) if row.last_applied else None
    return _recipient(row, profile, last_applied)
