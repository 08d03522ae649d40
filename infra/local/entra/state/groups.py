"""The groups of a directory and their members, direct and transitive."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from operator import attrgetter

from infra.local.entra.state.group import Group, Kind, Member
from infra.local.entra.state.users import Removal, Users


class Groups:
    """All groups and memberships. Deleted objects keep their memberships, but are not listed as members."""

    def __init__(self, users: Users) -> None:
        self._users = users
        self._groups: dict[str, Group] = {}
        self._members: dict[str, dict[str, Member]] = {}
        self._removed: dict[str, Removal] = {}
        self._sequence = 0
        self._memberships = 0
        self._transitive: dict[str, tuple[Member, ...]] = {}
        self._transitive_of: tuple[int, int] = (-1, -1)

    def __len__(self) -> int:
        return len(self._groups) - len(self._removed)

    def __iter__(self) -> Iterator[Group]:
        return (group for key, group in self._groups.items() if key not in self._removed)

    def find(self, group_id: str) -> Group | None:
        """Return the group, unless it is deleted."""
        key = group_id.lower()
        return None if key in self._removed else self._groups.get(key)

    def removal_of(self, group_id: str) -> Removal | None:
        """Return why a group is missing. FINAL for one that never existed."""
        return self._removed.get(group_id) if group_id in self._groups else Removal.FINAL

    def put(self, group: Group) -> None:
        """Create or replace the group. Its members stay."""
        self._groups[group.id] = group
        self._members.setdefault(group.id, {})

    def remove(self, group_id: str, removal: Removal) -> None:
        """Hide the group everywhere."""
        self._removed[group_id] = removal
        self._memberships += 1

    def restore(self, group_id: str) -> None:
        """Restore the group with its members."""
        del self._removed[group_id]
        self._memberships += 1

    def join(self, group_id: str, object_id: str) -> Member | None:
        """Add a member and return it. Return None if it was a member already.

        Raises:
            LookupError: A user or group with this id does not exist.
        """
        members = self._members[group_id]
        if object_id in members:
            return None
        self._sequence += 1
        self._memberships += 1
        if object_id in self._groups:
            member = Member(id=object_id, kind=Kind.GROUP, position=0, sequence=self._sequence)
        else:
            position = self._users.position_of(object_id)
            if position is None:
                raise LookupError(f"User or group {object_id} does not exist.")
            member = Member(id=object_id, kind=Kind.USER, position=position, sequence=self._sequence)
        members[object_id] = member
        return member

    def leave(self, group_id: str, object_id: str) -> Member | None:
        """Remove a member and return it. Return None if it was not a member."""
        self._memberships += 1
        return self._members[group_id].pop(object_id, None)

    def direct(self, group_id: str) -> list[Member]:
        """Return the members in the order in which they joined."""
        return [member for member in self._members[group_id].values() if self._is_there(member)]

    def membership(self, group_id: str, object_id: str) -> Member | None:
        """Return the object's membership in the group, even if the object is deleted."""
        return self._members[group_id].get(object_id)

    def has(self, group_id: str, object_id: str) -> bool:
        """Return whether the object is a visible direct member of the group."""
        member = self.membership(group_id, object_id)
        return member is not None and self._is_there(member)

    def with_member(self, object_id: str) -> Iterable[Group]:
        """Return the groups of which the object is a direct member, even if the object is deleted."""
        return [group for group in self if object_id in self._members[group.id]]

    def transitive(self, group_id: str) -> tuple[Member, ...]:
        """Return all users and groups within the group, each once, sorted by id.

        The group itself is not included, even in a cycle.
        """
        version = (self._memberships, self._users.version)
        if version != self._transitive_of:
            self._transitive.clear()
            self._transitive_of = version
        members = self._transitive.get(group_id)
        if members is None:
            members = self._transitive[group_id] = self._walk(group_id)
        return members

    def contains(self, group_id: str, object_id: str) -> bool:
        """Return whether the object is a direct or transitive member of the group."""
        within = self.transitive(group_id)
        at = bisect_left(within, object_id, key=attrgetter("id"))
        return at < len(within) and within[at].id == object_id

    def _walk(self, group_id: str) -> tuple[Member, ...]:
        members: dict[str, Member] = {}
        open_groups = [group_id]
        while open_groups:
            for member in self.direct(open_groups.pop()):
                if member.id in members or member.id == group_id:
                    continue
                members[member.id] = member
                if member.kind is Kind.GROUP:
                    open_groups.append(member.id)
        return tuple(members[key] for key in sorted(members))

    def _is_there(self, member: Member) -> bool:
        gone = self._users.removed_ids if member.kind is Kind.USER else self._removed
        return member.id not in gone
