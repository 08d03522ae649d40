"""Ancestry: through which groups somebody is in the groups that are mapped, as the directory has it now."""

from collections import deque
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from shared.domain.directory import Capability, Group
from shared.domain.ids import ObjectId
from shared.ports.directory import Directory

#: Groups whose own groups are asked for; what lies further away is not looked for.
_MAX_ASKED: Final = 50


async def shortest_paths(
    directory: Directory, person: ObjectId, mapped: AbstractSet[ObjectId]
) -> Mapping[ObjectId, Sequence[Group]]:
    """Return for each mapped group that holds a person a shortest way down: that group first, theirs last.

    Groups that are in one another are walked once. A group that is too far away has no path. Raises: NotFound if there
    is no such user; NeedsAttention, Transient as the directory does.
    """
    below: dict[ObjectId, ObjectId | None] = {}
    names: dict[ObjectId, Group] = {}
    waiting: deque[ObjectId] = deque()

    def reach(groups: Sequence[Group], through: ObjectId | None) -> None:
        for group in sorted(groups, key=lambda each: each.id):
            if group.id not in below:
                below[group.id], names[group.id] = through, group
                waiting.append(group.id)

    reach(await directory.groups_of_user(person), None)
    nested = Capability.NESTED_GROUPS in directory.capabilities
    for _ in range(_MAX_ASKED):
        if not nested or not waiting or mapped <= below.keys():
            break
        group = waiting.popleft()
        reach(await directory.groups_of_group(group), group)
    return {group: _down(group, below, names) for group in sorted(mapped) if group in below}


def _down(group: ObjectId, below: Mapping[ObjectId, ObjectId | None], names: Mapping[ObjectId, Group]) -> list[Group]:
    found = []
    at: ObjectId | None = group
    while at is not None:
        found.append(names[at])
        at = below[at]
    return found
