"""The users of a directory: generated ones by number, changed ones as stored.

A user has a *position* that never changes: generated users have their number, added users follow. Only changed users
and recently encoded pieces of JSON take memory.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from infra.local.entra.state.generate import Generator
from infra.local.entra.state.person import MANAGER, USER_FIELDS, User, user_value

_FRAGMENTS_KEPT = 250_000
_ENCODER = msgspec.json.Encoder()
#: What a caller without permission to read users sees of a member of a group; the id is shown even if not selected.
ONLY_ID = frozenset({"id"})


class Removal(StrEnum):
    """Why an object is missing, in the words of `@removed.reason`."""

    RESTORABLE = "changed"  # soft-deleted, for 30 days
    FINAL = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The properties of an object that a response contains."""

    fields: tuple[str, ...]
    typed: bool = False  #: whether `@odata.type` comes first
    sparse: bool = False  #: whether properties without a value are left out, as in delta queries
    with_manager: bool = False  #: whether users include their managers
    readable: frozenset[str] | None = None  #: properties with a value; all others are null. None: all have one


class Users:
    """All users by position, including deleted ones."""

    def __init__(self, generator: Generator, count: int) -> None:
        self._generator = generator
        self._generated = count
        self._own: dict[int, User] = {}
        self._by_key: dict[str, int] = {}
        self._removed: dict[int, Removal] = {}
        self._fragments: dict[View, dict[int, bytes]] = {}
        self._fragments_held = 0
        self._added = 0
        self.version = 0  #: increases with every change
        self.removed_ids: set[str] = set()
        #: Previous manager of each user whose manager has changed.
        self.former_managers: dict[str, str] = {}

    def __len__(self) -> int:
        return self.positions - len(self._removed)

    @property
    def positions(self) -> int:
        """Return one more than the highest position."""
        return self._generated + self._added

    def at(self, position: int) -> User | None:
        """Return the user at `position`, unless deleted."""
        return None if position in self._removed else self.record(position)

    def record(self, position: int) -> User:
        """Return the user at `position`, even if deleted."""
        return self._own.get(position) or self._generator.user(position)

    def id_at(self, position: int) -> str:
        """Return the object id of the user at `position`, even if deleted. Cheaper than the record."""
        return self._own[position].id if position in self._own else self._generator.id_of(position)

    def is_there(self, position: int) -> bool:
        """Return whether the user at `position` exists and is not deleted."""
        return position not in self._removed

    def position_of(self, key: str) -> int | None:
        """Return the position of the user with this object id or user principal name, even if deleted.

        Case is ignored.
        """
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
        """Return the user with this object id or user principal name, unless deleted."""
        position = self.position_of(key)
        return None if position is None else self.at(position)

    def removal_of(self, object_id: str) -> Removal | None:
        """Return why a user is missing. FINAL for one that never existed."""
        position = self.position_of(object_id)
        return Removal.FINAL if position is None else self._removed.get(position)

    def add(self, user: User) -> int:
        """Add a user and return the position."""
        position = self.positions
        self._added += 1
        self._keep(position, user)
        return position

    def replace(self, position: int, user: User) -> tuple[str, ...]:
        """Replace the user and return Graph's names of the changed properties."""
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
        """Hide the user everywhere."""
        self._removed[position] = removal
        self.removed_ids.add(self.id_at(position))
        self.version += 1

    def restore(self, position: int) -> None:
        """Restore the user unchanged."""
        del self._removed[position]
        self.removed_ids.discard(self.id_at(position))
        self.version += 1

    def shown(self, view: View) -> Callable[[int], bytes]:
        """Return a function from a position to the JSON of the user. The view is resolved once per response."""
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
    """Return the JSON of a manager with the id only, as delta queries and `$expand` do."""
    return {"@odata.type": "#microsoft.graph.user", "id": object_id}


def encode_user(user: User, view: View) -> bytes:
    """Return the user as a JSON object with the properties of `view`."""
    shown: dict[str, object] = {"@odata.type": "#microsoft.graph.user"} if view.typed else {}
    for name in view.fields:
        value = user_value(user, name)
        if view.readable is not None and name not in view.readable:
            value = () if isinstance(value, tuple) and not view.sparse else None
        if value is not None or not view.sparse:
            shown[name] = value
    if view.readable == ONLY_ID:
        shown["id"] = user.id
    if user.manager is not None and (view.readable is None or MANAGER in view.readable):
        if view.with_manager:
            shown[MANAGER] = manager_json(user.manager)
        if view.sparse and MANAGER in view.fields:
            shown[f"{MANAGER}@delta"] = [manager_json(user.manager)]
    return _ENCODER.encode(shown)
