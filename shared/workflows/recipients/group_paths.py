"""Membership paths: the shortest chains of live groups from mapped groups down to a person."""

from collections import deque
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from shared.domain.directory import Capability, Group
from shared.domain.ids import ObjectId
from shared.ports.directory import Directory

#: Maximum number of groups whose parent groups are requested. Bounds the requests per explanation.
_MAX_LOOKUPS: Final = 50


async def shortest_paths(
    directory: Directory, person: ObjectId, mapped: AbstractSet[ObjectId]
) -> Mapping[ObjectId, Sequence[Group]]:
    """Return a shortest membership path for each mapped group that contains the person.

    A path begins with the mapped group and ends with the person's own group. The search is breadth-first, visits
    every group once, so that cycles end, and stops after `_MAX_LOOKUPS` groups. Groups beyond have no path.
    Without nested groups in the directory, only the person's own groups have one.

    Raises:
        NotFound: The directory does not have the user.
        NeedsAttention: The directory refuses the connection.
        Transient: The directory did not respond.
    """
    child_of: dict[ObjectId, ObjectId | None] = {}
    groups_by_id: dict[ObjectId, Group] = {}
    queue: deque[ObjectId] = deque()

    def visit(parents: Sequence[Group], child: ObjectId | None) -> None:
        for group in sorted(parents, key=lambda parent: parent.id):
            if group.id not in child_of:
                child_of[group.id], groups_by_id[group.id] = child, group
                queue.append(group.id)

    visit(await directory.groups_of_user(person), None)
    nested = Capability.NESTED_GROUPS in directory.capabilities
    for _ in range(_MAX_LOOKUPS):
        if not nested or not queue or mapped <= child_of.keys():
            break
        group = queue.popleft()
        visit(await directory.groups_of_group(group), group)
    return {group: _path_down(group, child_of, groups_by_id) for group in sorted(mapped) if group in child_of}


def _path_down(
    group: ObjectId, child_of: Mapping[ObjectId, ObjectId | None], groups_by_id: Mapping[ObjectId, Group]
) -> list[Group]:
    path = []
    step: ObjectId | None = group
    while step is not None:
        path.append(groups_by_id[step])
        step = child_of[step]
    return path
