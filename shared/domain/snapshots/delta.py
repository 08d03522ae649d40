"""Delta: applies the changes that a directory reports to the users of the previous snapshot."""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId

#: The fields of a user that the directory mentioned, by field name.
Fields = Mapping[str, str | bool | tuple[str, ...] | None]
#: A user's id and their changed fields; None for a removed user.
Patch = tuple[ObjectId, Fields | None]


class Patches:
    """The changes that a directory reports, grouped by user. They are applied to the snapshot page by page."""

    def __init__(self, patches: Iterable[Patch]) -> None:
        self._by_person: dict[ObjectId, list[Fields | None]] = {}
        for person, fields in patches:
            self._by_person.setdefault(person, []).append(fields)
        self._seen: set[ObjectId] = set()
        #: The changed users before and after the change. A new user is only in `after`, a removed one only in `before`.
        self.before: list[DirectoryUser] = []
        self.after: list[DirectoryUser] = []

    @property
    def people(self) -> Collection[ObjectId]:
        """The ids of all users that the patches name."""
        return self._by_person.keys()

    def applied(self, users: Iterable[DirectoryUser]) -> list[DirectoryUser]:
        """Return these users after the patches, without the removed ones."""
        after = []
        for user in users:
            changes = self._by_person.get(user.id)
            if changes is None:
                after.append(user)
                continue
            self._seen.add(user.id)
            now = _after(user.id, user, changes)
            if now is not None:
                after.append(now)
            if now != user:
                self.before.append(user)
                self.after += [now] if now is not None else []
        return after

    def on_page(
        self, users: Iterable[DirectoryUser]
    ) -> tuple[list[DirectoryUser], list[DirectoryUser], list[DirectoryUser]]:
        """Return the users of a page after the patches, and the changed ones before and after them."""
        before, after = len(self.before), len(self.after)
        remaining = self.applied(users)
        return remaining, self.before[before:], self.after[after:]

    def newcomers(self) -> list[DirectoryUser]:
        """Return the users that were on none of the pages, sorted by id.

        Raises Unnamed if a patch does not contain the user principal name of a new user.
        """
        unseen = sorted(self._by_person.keys() - self._seen)
        created = (_after(person, None, self._by_person[person]) for person in unseen)
        new = [user for user in created if user is not None]
        self.after += new
        return new


def fields_of(user: DirectoryUser) -> Fields:
    """Return a user read by id as a patch. The manager, which only some listings contain, stays unchanged."""
    fields = msgspec.structs.asdict(user)
    del fields["id"], fields["manager"]
    return fields


class Unnamed(Exception):
    """A change adds a user without a user principal name. The source must then be read in full."""


def apply_delta(
    users: Mapping[ObjectId, DirectoryUser], patches: Iterable[Patch]
) -> dict[ObjectId, DirectoryUser] | None:
    """Return the users after all patches, applied in order; None if a new user has no user principal name.

    In the latter case, the source must be read in full. Removing an unknown user is not an error: delta queries report
    such objects.
    """
    changes = Patches(patches)
    try:
        after = [*changes.applied(users.values()), *changes.newcomers()]
    except Unnamed:
        return None
    return {user.id: user for user in after}


def _after(person: ObjectId, user: DirectoryUser | None, changes: Iterable[Fields | None]) -> DirectoryUser | None:
    """Return a user after the changes, applied in order; None if the last one removes them.

    Raises Unnamed if a change adds a user without a user principal name.
    """
    for fields in changes:
        if fields is None:
            user = None
        elif user is not None:
            user = msgspec.structs.replace(user, **fields)
        elif isinstance(name := fields.get("user_principal_name"), str):
            user = msgspec.structs.replace(DirectoryUser(id=person, user_principal_name=name), **fields)
        else:
            raise Unnamed
    return user
