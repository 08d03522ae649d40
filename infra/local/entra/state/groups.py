"""The groups of a directory and who is in them, directly and through other groups."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from operator import attrgetter

from infra.local.entra.state.group import Group, Kind, Member
from infra.local.entra.state.users import Removal, Users


class Groups:
    """All groups and memberships; whoever is deleted keeps their memberships but is not seen in them."""

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
        """The group, unless deleted."""
        key = group_id.lower()
        return None if key in self._removed else self._groups.get(key)

    def removal_of(self, group_id: str) -> Removal | None:
        """Why a group is gone; FINAL for one that never was."""
        return self._removed.get(group_id) if group_id in self._groups else Removal.FINAL

    def put(self, group: Group) -> None:
        """The group exists, with these properties; its members stay."""
        self._groups[group.id] = group
        self._members.setdefault(group.id, {})

    def remove(self, group_id: str, removal: Removal) -> None:
        """The group no longer appears anywhere."""
        self._removed[group_id] = removal
        self._memberships += 1

    def restore(self, group_id: str) -> None:
        """The group is back, members included."""
        del self._removed[group_id]
        self._memberships += 1

    def join(self, group_id: str, object_id: str) -> Member | None:
        """The new member; None if it was one already.

        Raises:
            LookupError: there is no user or group with this id.
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
                raise LookupError(f"There is no user or group {object_id}.")
            member = Member(id=object_id, kind=Kind.USER, position=position, sequence=self._sequence)
        members[object_id] = member
        return member

    def leave(self, group_id: str, object_id: str) -> Member | None:
        """Who has left; None if they were no member."""
        self._memberships += 1
        return self._members[group_id].pop(object_id, None)

    def direct(self, group_id: str) -> list[Member]:
        """Members, in the order in which they joined."""
        return [member for member in self._members[group_id].values() if self._is_there(member)]

    def membership(self, group_id: str, object_id: str) -> Member | None:
        """The object's place in the group, itself deleted or not."""
        return self._members[group_id].get(object_id)

    def has(self, group_id: str, object_id: str) -> bool:
        """Whether the object is directly in the group and seen there."""
        member = self.membership(group_id, object_id)
        return member is not None and self._is_there(member)

    def with_member(self, object_id: str) -> Iterable[Group]:
        """Groups in which the object is directly, itself deleted or not."""
        return [group for group in self if object_id in self._members[group.id]]

    def transitive(self, group_id: str) -> tuple[Member, ...]:
        """Everybody and every group within, each once, by id; never the group itself, even in a cycle."""
        version = (self._memberships, self._users.version)
        if version != self._transitive_of:
            self._transitive.clear()
            self._transitive_of = version
        known = self._transitive.get(group_id)
        if known is None:
            known = self._transitive[group_id] = self._walk(group_id)
        return known

    def contains(self, group_id: str, object_id: str) -> bool:
        """Whether the object is in the group, directly or through others."""
        within = self.transitive(group_id)
        at = bisect_left(within, object_id, key=attrgetter("id"))
        return at < len(within) and within[at].id == object_id

    def _walk(self, group_id: str) -> tuple[Member, ...]:
        found: dict[str, Member] = {}
        open_groups = [group_id]
        while open_groups:
            for member in self.direct(open_groups.pop()):
                if member.id in found or member.id == group_id:
                    continue
                found[member.id] = member
                if member.kind is Kind.GROUP:
                    open_groups.append(member.id)
        return tuple(found[key] for key in sorted(found))

    def _is_there(self, member: Member) -> bool:
        gone = self._users.removed_ids if member.kind is Kind.USER else self._removed
        return member.id not in gone
