"""Applying what a directory says has changed to the users that were read before."""

from collections.abc import Iterable, Mapping

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId

#: A patch names a user and those of their fields that the directory mentioned; None for a user who is gone.
Patch = tuple[ObjectId, Mapping[str, str | bool | tuple[str, ...] | None] | None]


def apply_delta(
    users: Mapping[ObjectId, DirectoryUser], patches: Iterable[Patch]
) -> dict[ObjectId, DirectoryUser] | None:
    """Return the users after all patches, in their order: the last word about somebody is the one that counts.

    A removal of somebody never seen is no error: delta queries name such objects. None if a patch introduces somebody
    without saying their user principal name: then only a listing can tell who they are.
    """
    after = dict(users)
    for person, fields in patches:
        known = after.get(person)
        if fields is None:
            after.pop(person, None)
        elif known is not None:
            after[person] = msgspec.structs.replace(known, **fields)
        elif isinstance(name := fields.get("user_principal_name"), str):
            newcomer = DirectoryUser(id=person, user_principal_name=name)
            after[person] = msgspec.structs.replace(newcomer, **fields)
        else:
            return None
    return after
