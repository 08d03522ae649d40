"""Stored values without one person.

Values of the person go. A mark without ids stays where something is counted: a change keeps its kind and reason, so
counts, windows and the history are as before.
"""

from enum import Enum
from typing import Any, Final, TypeVar

import msgspec

from shared.domain.access.callers import AdminGrant
from shared.domain.erasure.person import Person
from shared.domain.imports.csv_file import FileNotes, RowProblem
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.preferences.email_filter import EmailFilter
from shared.domain.problem import Problem
from shared.domain.recipient import Change, Profile, Recipient
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.relink import Relink
from shared.domain.snapshots.snapshot import ChangedUsers
from shared.domain.sync.jobs import FetchResult

T = TypeVar("T")

#: Stands for an address in an e-mail filter: without any entry, a filter would admit everyone.
NO_ADDRESS: Final = "erased@erased.invalid"
#: Types whose texts are sentences for people, which can contain names.
_SENTENCES: Final = (Problem, OperatorLogEntry)
#: What the problem of an import as a whole concerns. It quotes the first row that is wrong.
_IMPORT: Final = "import"
#: Stands for a sentence that quotes values of a row. The sentence about another person's row may go as well.
_ROW: Final = "The details of this row were erased together with a person."


def without(value: T, person: Person) -> T:
    """Return a stored value without a person: an equal value if it does not name this person."""
    result: T = _without(value, person)
    return result


def _without(value: Any, person: Person) -> Any:  # noqa: ANN401 - any stored value
    match value:
        case Enum() | bytes() | None:
            return value
        case str():
            return person.without_ids(value)
        case tuple() | list():
            items = [_without(item, person) for item in value if not _is_reference(item, person)]
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        case dict():
            return {key: _without(item, person) for key, item in value.items() if key not in person.object_ids}
        case msgspec.Struct():
            return _struct(value, person)
        case _:
            return value


def _struct(value: Any, person: Person) -> Any:  # noqa: ANN401 - any struct
    match value:
        case Change() if person.includes(value.recipient, value.object_id) or _was(value.before, person):
            value = Change(kind=value.kind, reason=value.reason)
        case Recipient():  # of another person, who may have an address in common
            last = value.last_applied
            profile, last = _unmanaged(value.profile, person), None if last is None else _unmanaged(last, person)
            value = msgspec.structs.replace(value, profile=profile, last_applied=last)
        case EmailFilter() if any(map(person.has_address, value.addresses)):
            kept = tuple(address for address in value.addresses if not person.has_address(address))
            value = EmailFilter(domains=value.domains, addresses=(*kept, NO_ADDRESS))
        case RowProblem() if person.may_be_in(value.detail):
            value = msgspec.structs.replace(value, detail=_ROW)
        case Problem() if value.concerns == _IMPORT and person.may_be_in(value.detail):
            value = msgspec.structs.replace(value, detail=_ROW)
        case FileNotes():
            kept = tuple(name for name in value.guessed_names if not person.may_be_in(name))
            value = msgspec.structs.replace(value, guessed_names=kept)
        case FetchResult() if value.changed is not None and _is_among(value.changed, person):
            value = _fields(msgspec.structs.replace(value, changed=None), person)  # as if they were too many to name
        case ChangedUsers():
            pass
        case _:
            value = _fields(value, person)
    return value


def _fields(value: Any, person: Person) -> Any:  # noqa: ANN401 - any struct
    within = _without_names if isinstance(value, _SENTENCES) else _without
    changed = {}
    for name in value.__struct_fields__:
        before = getattr(value, name)
        after = within(before, person)
        if after != before:
            changed[name] = after
    return msgspec.structs.replace(value, **changed) if changed else value


def _unmanaged(profile: Profile, person: Person) -> Profile:
    if not person.manages(profile):
        return profile
    return msgspec.structs.replace(profile, manager_name=None, manager_mail=None)


def _without_names(value: Any, person: Person) -> Any:  # noqa: ANN401 - a field
    if isinstance(value, str) and not isinstance(value, Enum):
        return person.without_names(value)
    return _without(value, person)


def _was(before: Recipient | None, person: Person) -> bool:
    return before is not None and person.is_recipient(before)


def _is_reference(item: object, person: Person) -> bool:
    """Return whether an item of a list does nothing but name the person."""
    match item:
        case Candidate():
            return person.includes(item.recipient, item.object_id)
        case Relink():
            return item.account in person.object_ids or person.is_recipient(item.if_deleted.recipient)
        case AdminGrant():
            return item.object_id in person.object_ids
        case _:
            return False


def _is_among(changed: ChangedUsers, person: Person) -> bool:
    if not person.object_ids.isdisjoint(changed.people):
        return True
    users = changed.body.users(0, changed.content)
    return any(user.id in person.object_ids or user.manager in person.object_ids for user in users)
