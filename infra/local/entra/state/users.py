"""The users of a directory: generated ones by number, changed ones as they are now, and none twice.

A user has a *position* that never changes: generated users have their number, added ones follow. Only users that
somebody touched take memory, and the encoded pieces of JSON that were asked for lately.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from infra.local.entra.state.generate import Generator
from infra.local.entra.state.person import MANAGER, USER_FIELDS, User, user_value

_FRAGMENTS_KEPT = 250_000
_ENCODER = msgspec.json.Encoder()


class Removal(StrEnum):
    """Why an object is gone, in the words of `@removed.reason`."""

    RESTORABLE = "changed"  # soft-deleted, for 30 days
    FINAL = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Which properties of an object an answer shows."""

    fields: tuple[str, ...]
    typed: bool = False  #: `@odata.type` comes first
    sparse: bool = False  #: properties without a value are left out, as delta queries do
    with_manager: bool = False  #: whom somebody reports to is shown within them
    readable: bool = True  #: False: everything but the id is null, for want of a permission


class Users:
    """All users, deleted ones included, by position."""

    def __init__(self, generator: Generator, count: int) -> None:
        self._generator = generator
        self._generated = count
        self._own: dict[int, User] = {}
        self._by_key: dict[str, int] = {}
        self._removed: dict[int, Removal] = {}
        self._fragments: dict[View, dict[int, bytes]] = {}
        self._fragments_held = 0
        self._added = 0
        self.version = 0  #: grows with every change
        self.removed_ids: set[str] = set()
        #: For each user who had another manager before, the last one.
        self.former_managers: dict[str, str] = {}

    def __len__(self) -> int:
        return self.positions - len(self._removed)

    @property
    def positions(self) -> int:
        """One more than the highest position."""
        return self._generated + self._added

    def at(self, position: int) -> User | None:
        """The user at `position`, unless deleted."""
        return None if position in self._removed else self.record(position)

    def record(self, position: int) -> User:
        """The user at `position`, deleted or not."""
        return self._own.get(position) or self._generator.user(position)

    def id_at(self, position: int) -> str:
        """The object id of the user at `position`, deleted or not; cheaper than the whole record."""
        return self._own[position].id if position in self._own else self._generator.id_of(position)

    def is_there(self, position: int) -> bool:
        """Whether the user at `position` exists and is not deleted."""
        return position not in self._removed

    def position_of(self, key: str) -> int | None:
        """Where the user with this object id or user principal name is, deleted or not; letter case is ignored."""
        key = key.lower()
        position = self._by_key.get(key)
        if position is not None:
            return position
        number = self._generator.number_of(key)
        if number is None or number >= self._generated:
            return None
        user = self.record(number)
        return number if key in {user.id, user.user_principal_name.lower()} else None

    def find(self, key: str) -> User | None:
        """The user with this object id or user principal name, unless deleted."""
        position = self.position_of(key)
        return None if position is None else self.at(position)

    def removal_of(self, object_id: str) -> Removal | None:
        """Why a user is gone; FINAL for one that never was."""
        position = self.position_of(object_id)
        return Removal.FINAL if position is None else self._removed.get(position)

    def add(self, user: User) -> int:
        """The new user's position."""
        position = self.positions
        self._added += 1
        self._keep(position, user)
        return position

    def replace(self, position: int, user: User) -> tuple[str, ...]:
        """Graph's names of the properties that have changed."""
        before = self.record(position)
        self._by_key.pop(before.user_principal_name.lower(), None)
        self._keep(position, user)
        changed = tuple(name for name in USER_FIELDS if user_value(before, name) != user_value(user, name))
        if before.manager == user.manager:
            return changed
        if before.manager is not None:
            self.former_managers[user.id] = before.manager
        return (*changed, MANAGER)

    def remove(self, position: int, removal: Removal) -> None:
        """The user no longer appears anywhere."""
        self._removed[position] = removal
        self.removed_ids.add(self.id_at(position))
        self.version += 1

    def restore(self, position: int) -> None:
        """The user is back as before."""
        del self._removed[position]
        self.removed_ids.discard(self.id_at(position))
        self.version += 1

    def shown(self, view: View) -> Callable[[int], bytes]:
        """What makes a JSON object of the user at a position; a view is looked up once for all users of an answer."""
        pieces = self._fragments.setdefault(view, {})

        def fragment(position: int) -> bytes:
            piece = pieces.get(position)
            if piece is None:
                if self._fragments_held >= _FRAGMENTS_KEPT:
                    self._forget_fragments()
                piece = pieces[position] = encode_user(self.record(position), view)
                self._fragments_held += 1
            return piece

        return fragment

    def _keep(self, position: int, user: User) -> None:
        self._own[position] = user
        self._by_key[user.id] = self._by_key[user.user_principal_name.lower()] = position
        self.version += 1
        for pieces in self._fragments.values():
            pieces.pop(position, None)

    def _forget_fragments(self) -> None:
        for pieces in self._fragments.values():
            pieces.clear()
        self._fragments_held = 0


def manager_json(object_id: str) -> dict[str, object]:
    """A manager by their id alone, as a delta query and `$expand` name one."""
    return {"@odata.type": "#microsoft.graph.user", "id": object_id}


def encode_user(user: User, view: View) -> bytes:
    """The user as a JSON object with the properties of `view`."""
    shown: dict[str, object] = {"@odata.type": "#microsoft.graph.user"} if view.typed else {}
    if view.readable:
        for name in view.fields:
            value = user_value(user, name)
            if value is not None or not view.sparse:
                shown[name] = value
        if view.with_manager and user.manager is not None:
            shown[MANAGER] = manager_json(user.manager)
        if view.sparse and MANAGER in view.fields and user.manager is not None:
            shown[f"{MANAGER}@delta"] = [manager_json(user.manager)]
    else:
        shown.update(dict.fromkeys(view.fields))
        shown["id"] = user.id
    return _ENCODER.encode(shown)
