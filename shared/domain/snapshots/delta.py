"""Applying what a directory says has changed to the users that were read before."""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId

#: A patch names a user and those of their fields that the directory mentioned; None for a user who is gone.
Fields = Mapping[str, str | bool | tuple[str, ...] | None]
Patch = tuple[ObjectId, Fields | None]


class Patches:
    """Everything that a directory says has changed, by whom it is about, to be applied page by page."""

    def __init__(self, patches: Iterable[Patch]) -> None:
        self._by_person: dict[ObjectId, list[Fields | None]] = {}
        for person, fields in patches:
            self._by_person.setdefault(person, []).append(fields)
        self._seen: set[ObjectId] = set()
        #: Those who are not as they were: as they were, and as they are; the one or the other may be missing.
        self.before: list[DirectoryUser] = []
        self.after: list[DirectoryUser] = []

    @property
    def people(self) -> Collection[ObjectId]:
        """Return everybody who is named."""
        return self._by_person.keys()

    def applied(self, users: Iterable[DirectoryUser]) -> list[DirectoryUser]:
        """Return those who are left of these users, as they are now."""
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
        """Return those who are left of these users, those of them who are not as they were, and these as they are."""
        before, after = len(self.before), len(self.after)
        left = self.applied(users)
        return left, self.before[before:], self.after[after:]

    def newcomers(self) -> list[DirectoryUser]:
        """Return who was in none of the pages, in the order of ids. Raises: Unnamed."""
        unseen = sorted(self._by_person.keys() - self._seen)
        found = (_after(person, None, self._by_person[person]) for person in unseen)
        new = [user for user in found if user is not None]
        self.after += new
        return new


def fields_of(user: DirectoryUser) -> Fields:
    """Return a user read by id as a patch. The manager, which only some listings name, stays as it is."""
    fields = msgspec.structs.asdict(user)
    del fields["id"], fields["manager"]
    return fields


class Unnamed(Exception):
    """Somebody was introduced without a user principal name: only a listing can tell who they are."""


def apply_delta(
    users: Mapping[ObjectId, DirectoryUser], patches: Iterable[Patch]
) -> dict[ObjectId, DirectoryUser] | None:
    """Return the users after all patches: the last word about somebody is the one that counts.

    A removal of somebody never seen is no error: delta queries name such objects. None if a patch introduces somebody
    without saying their user principal name: then only a listing can tell who they are.
    """
    changes = Patches(patches)
    try:
        after = [*changes.applied(users.values()), *changes.newcomers()]
    except Unnamed:
        return None
    return {user.id: user for user in after}


def _after(person: ObjectId, known: DirectoryUser | None, changes: Iterable[Fields | None]) -> DirectoryUser | None:
    """Return somebody after what is said of them, in this order; None once they are gone. Raises: Unnamed."""
    for fields in changes:
        if fields is None:
            known = None
        elif known is not None:
            known = msgspec.structs.replace(known, **fields)
        elif isinstance(name := fields.get("user_principal_name"), str):
            known = msgspec.structs.replace(DirectoryUser(id=person, user_principal_name=name), **fields)
        else:
            raise Unnamed
    return known
