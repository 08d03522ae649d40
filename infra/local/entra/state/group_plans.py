"""Groups of a generated directory: large, empty, nested three deep, cyclic and overlapping ones, or all alike."""

from collections.abc import Iterable

from infra.local.entra.state.directory import Directory
from infra.local.entra.state.generate import stable_uuid
from infra.local.entra.state.group import Group

_NAMES = (
    "Engineering", "Finance", "Facilities", "Zürich Büro", "東京オフィス", "Building A", "Building B", "Reception",
    "Legal & Compliance", "Fire wardens", "First aid", "Night shift", "Contractors", "Sales EMEA", "Human Resources",
    "IT Operations", "Forschung & Entwicklung", "Logistics", "Canteen", "Works council",
)  # fmt: skip
_CIRCLE = ("Project Ouroboros head", "Project Ouroboros body", "Project Ouroboros tail")
_LEVELS = ("", " / team", " / team / interns")
_CIRCLE_FROM = 8  # with fewer groups, the cycle and the empty group would be the only ones
_USERS_A_GROUP = 60


def add_groups(directory: Directory, count: int, *, biggest: float) -> None:
    """Add `count` groups to `directory`, the same ones for the same seed.

    The first contains the share `biggest` of all users. From eight groups on, one is empty and three form a cycle. The
    others come in threes: a group, a nested group, and a group nested in that. Neighbours share users.
    """
    if count <= 0:
        return
    total = directory.users.positions
    _fill(directory, _add(directory, f"All of {directory.display_name}"), _spread(total, round(total * biggest)))
    left = count - 1
    if left >= _CIRCLE_FROM - 1:
        _add(directory, "Visitors (empty)")
        _add_circle(directory, total)
        left -= 1 + len(_CIRCLE)
    parent = ""
    for number in range(left):
        tree, level = divmod(number, len(_LEVELS))
        suffix = f" {tree // len(_NAMES) + 1}" if tree >= len(_NAMES) else ""
        group_id = _add(directory, f"{_NAMES[tree % len(_NAMES)]}{suffix}{_LEVELS[level]}")
        size = max(1, min(total // 8, _USERS_A_GROUP) // (level + 1)) if total else 0
        start = number * size * 2 // 3
        _fill(directory, group_id, ((start + step) % total for step in range(size)))
        if level:
            directory.groups.join(parent, group_id)
        parent = group_id


def add_equal_groups(directory: Directory, count: int, *, size: int) -> None:
    """Add `count` groups of `size` users each to `directory`, the same ones for the same seed.

    No two groups have the same users, but neighbours share many. Every user is in about the same number of groups.

    Raises:
        ValueError: The directory has fewer users than `size`.
    """
    total = directory.users.positions
    if not 0 <= size <= total:
        raise ValueError(f"A group of {size} cannot be made of {total} users.")
    for number in range(count):
        start = number * total // count
        group_id = _add(directory, f"Team {number + 1}")
        _fill(directory, group_id, ((start + step) % total for step in range(size)))


def _add_circle(directory: Directory, total: int) -> None:
    ids = [_add(directory, name) for name in _CIRCLE]
    for number, group_id in enumerate(ids):
        _fill(directory, group_id, range(number, total, max(1, total // 5)))
        directory.groups.join(group_id, ids[(number + 1) % len(ids)])


def _add(directory: Directory, name: str) -> str:
    group = Group(id=stable_uuid("group", directory.seed, name), display_name=name, description=f"Sample: {name}")
    directory.groups.put(group)
    return group.id


def _spread(total: int, size: int) -> Iterable[int]:
    return (number * total // size for number in range(size))


def _fill(directory: Directory, group_id: str, positions: Iterable[int]) -> None:
    for position in positions:
        directory.groups.join(group_id, directory.users.id_at(position))
