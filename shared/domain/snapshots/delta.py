"""Delta: applies what a directory reports about people, in its order, to what was known about them."""

from collections.abc import Iterable, Mapping

import msgspec

from shared.domain.directory import DirectoryUser, Fields
from shared.domain.ids import ObjectId

#: A user's id and their changed fields; None for a removed user.
Patch = tuple[ObjectId, Fields | None]
#: What a directory reports about a person: all fields; some fields and the id; or the id of a removed person.
Item = DirectoryUser | Fields | str


class Unnamed(Exception):
    """A change adds a user without a user principal name. The source must then be read in full."""


def item_of(patch: Patch) -> Item:
    """Return a patch as an item."""
    person, fields = patch
    return person if fields is None else {**fields, "id": person}


def fields_of(user: DirectoryUser) -> Fields:
    """Return a user read by id as a patch. The manager, which only some listings contain, stays unchanged."""
    fields = msgspec.structs.asdict(user)
    del fields["id"], fields["manager"]
    return fields


def merge(users: dict[ObjectId, DirectoryUser], items: Iterable[Item]) -> dict[ObjectId, DirectoryUser]:
    """Apply items to users, in order, and return them. Of repeated items, the last value of a field counts.

    Removing an unknown user is not an error: delta queries report such objects.
    Raises Unnamed if a new user, or one who returns, has no user principal name.
    """
    for item in items:
        if isinstance(item, DirectoryUser):
            users[item.id] = item
        elif isinstance(item, str):
            users.pop(ObjectId(item), None)
        else:
            person = ObjectId(str(item["id"]))
            users[person] = _patched(users.get(person) or DirectoryUser.only(person), item)
            if users[person].only_id:
                raise Unnamed
    return users


def _patched(user: DirectoryUser, fields: Fields) -> DirectoryUser:
    values = dict(zip(DirectoryUser.__struct_fields__, msgspec.to_builtins(user), strict=True))
    return msgspec.convert(list((values | fields).values()), DirectoryUser)


def apply_delta(
    users: Mapping[ObjectId, DirectoryUser], patches: Iterable[Patch]
) -> dict[ObjectId, DirectoryUser] | None:
    """Return the users after all patches; None if a new user has no user principal name."""
    try:
        return merge(dict(users), map(item_of, patches))
    except Unnamed:
        return None
