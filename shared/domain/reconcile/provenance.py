"""Provenance: the mapped groups that assign a person to a location, as far as the groups could be read."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from shared.domain.directory import Source
from shared.domain.ids import ObjectId, SourceId
from shared.domain.snapshots.verification import CompleteSnapshot

#: Maximum number of groups stored with one recipient: they must fit into its row.
MAX_GROUPS = 200


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """The mapped groups of people, and the groups that this run could not read."""

    #: Groups by member, sorted, without duplicates.
    held_by: Mapping[ObjectId, Sequence[ObjectId]] = msgspec.field(default_factory=dict)
    unread: frozenset[ObjectId] = frozenset()

    @classmethod
    def of(
        cls,
        sources: Mapping[SourceId, Source],
        source_ids: Sequence[SourceId],
        read: Mapping[SourceId, CompleteSnapshot],
    ) -> "Provenance":
        """Create the provenance from the groups among a location's sources."""
        held_by: dict[ObjectId, list[ObjectId]] = defaultdict(list)
        unread: set[ObjectId] = set()
        for group, name in sorted((group, name) for name in source_ids if (group := sources[name].group) is not None):
            if name not in read:
                unread.add(group)
                continue
            if not read[name].conclusive:  # a person who is not listed may still be in the group
                unread.add(group)
            for person in read[name].users:
                groups = held_by[person]
                if not groups or groups[-1] != group:
                    groups.append(group)
        return cls(held_by=held_by, unread=frozenset(unread))

    def groups(self, person: ObjectId, before: Sequence[ObjectId]) -> tuple[ObjectId, ...]:
        """Return the groups of a person. For groups that could not be read, the membership in `before` is kept."""
        holding = self.held_by.get(person, ())
        if self.unread and before:
            holding = sorted({*holding, *self.unread.intersection(before)})
        return tuple(holding if len(holding) <= MAX_GROUPS else holding[:MAX_GROUPS])
