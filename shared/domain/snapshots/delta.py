"""Delta: applies what a directory reports about people, in its order, to what was known about them.

A report can be partial, come twice, or contradict itself. Such people are read by id before anything is decided.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from shared.domain.directory import DirectoryUser, Fields, InactiveReason
from shared.domain.ids import ObjectId

#: A user's id and their changed fields; None for a removed user.
Patch = tuple[ObjectId, Fields | None]
#: What a directory reports about a person: all fields; some fields and the id; or the id of a removed person.
Item = DirectoryUser | Fields | str
#: Fields without which an item about an unknown person is partial. Only some listings contain the manager.
_WHOLE: Final = frozenset(DirectoryUser.__struct_fields__) - {"manager"}


class RoundUnusable(Exception):
    """What was read cannot be used, so the source must be listed.

    Too many of its people would have to be read by id, or it may have been read without the permission to see them.
    """


def item_of(patch: Patch) -> Item:
    """Return a patch as an item."""
    person, fields = patch
    return person if fields is None else {**fields, "id": person}


def person_of(item: Item) -> ObjectId:
    """Return the person that an item is about."""
    if isinstance(item, DirectoryUser):
        return item.id
    return ObjectId(item if isinstance(item, str) else str(item["id"]))


def fields_of(user: DirectoryUser) -> Fields:
    """Return a user read by id as a patch. The manager, which only some listings contain, stays unchanged."""
    fields = msgspec.structs.asdict(user)
    del fields["id"], fields["manager"]
    return fields


def merge(users: dict[ObjectId, DirectoryUser], items: Sequence[Item], *, listing: bool = False) -> set[ObjectId]:
    """Apply items to users, in order. Of repeated items, the last value of a field counts.

    Removing an unknown user is not an error: delta queries report such objects.

    Returns:
        The people who must be read by id: those with a removal and another item, those without a user principal name
        and, unless it is a `listing`, unknown people with an item that has only some fields.
    """
    removed, patched, doubtful = set[ObjectId](), set[ObjectId](), set[ObjectId]()
    for item in items:
        if isinstance(item, DirectoryUser):
            users[item.id] = item
        elif isinstance(item, str):
            removed.add(ObjectId(item))
            users.pop(ObjectId(item), None)
        else:
            person = person_of(item)
            known = users.get(person)
            if known is None and not listing and not item.keys() >= _WHOLE:
                doubtful.add(person)
            users[person] = _patched(known or DirectoryUser.only(person), item)
            patched.add(person)
    if removed:
        doubtful |= removed & {person_of(item) for item in items if not isinstance(item, str)}
    return doubtful | {person for person in patched if person in users and users[person].only_id}


def contradictions(
    before: Mapping[ObjectId, DirectoryUser], listed: Mapping[ObjectId, DirectoryUser], *, conclusive: bool
) -> set[ObjectId]:
    """Return the people who are active now and were not, or the reverse, according to a listing and the reading before.

    A person of unknown status is neither. Only from a `conclusive` listing follows that a person has left.
    """
    known = {person for person, user in before.items() if user.active}
    active = {person for person, user in listed.items() if user.active}
    different = {person for person in known ^ active if not (_unknown(before, person) or _unknown(listed, person))}
    return different if conclusive else {person for person in different if person in listed}


def _unknown(users: Mapping[ObjectId, DirectoryUser], person: ObjectId) -> bool:
    return person in users and users[person].inactive is InactiveReason.UNKNOWN


def _patched(user: DirectoryUser, fields: Fields) -> DirectoryUser:
    values = dict(zip(DirectoryUser.__struct_fields__, msgspec.to_builtins(user), strict=True))
    return msgspec.convert(list((values | fields).values()), DirectoryUser)
