"""Actions of directories: people join, change and leave, and requests fail."""

from collections.abc import Callable
from typing import Final

from shared.domain.directory import InactiveReason
from shared.domain.ids import TenantId
from shared.errors import DeltaLinkExpired, NeedsAttention, PageTokenExpired, RequestRefused, SyncError, Transient
from tests.simulation.engine.cluster import GROUPS, PEOPLE
from tests.simulation.engine.directory import PagedDirectory
from tests.simulation.engine.stage import Stage
from tests.support.builders import person, user

_ERRORS: Final[tuple[Callable[[], SyncError], ...]] = (
    lambda: Transient("The directory did not answer.", code="directory_unreachable"),
    lambda: Transient("Too many requests.", code="throttled", retry_after_s=45),
    lambda: Transient("Too many requests.", code="throttled", retry_after_s=0),
    lambda: RequestRefused("The request was refused.", code="Authorization_RequestDenied"),
    lambda: NeedsAttention("The request was refused.", code="Authorization_RequestDenied"),
    lambda: PageTokenExpired("The page has expired.", code="page_expired"),
    lambda: DeltaLinkExpired("The delta link has expired.", code="delta_expired"),
)


def change(stage: Stage, tenant: TenantId) -> None:
    """Let a person join, change, leave a group, be disabled or be deleted."""
    directory, number = stage.cluster.directory(tenant), stage.random.randrange(PEOPLE + 4)
    one = person(number)
    group = directory.members.get(stage.random.choice(GROUPS), [])
    what = stage.random.choice(["put", "put", "disable", "remove", "move"])
    if what == "remove" and one in directory.people:
        directory.remove(one)
    elif what == "move" and one in directory.people:
        group.remove(one) if one in group else group.append(one)
    else:
        disabled = InactiveReason.DISABLED if what == "disable" else None
        directory.put(user(number, department=stage.random.choice(["IT", "HR", None]), inactive=disabled))
    stage.note(f"{tenant}'s directory: {what} {number}")
    stage.moved(tenant)


def disturb(stage: Stage, tenant: TenantId) -> None:
    """Let the directory fail, or heal it."""
    directory = stage.cluster.directory(tenant)
    what = stage.random.choice(list(_DISTURBANCES))
    _DISTURBANCES[what](stage, directory)
    stage.note(f"{tenant}'s directory: {what}")
    stage.moved(tenant)


def _refuse(stage: Stage, directory: PagedDirectory) -> None:
    error = stage.random.choice(_ERRORS)
    directory.errors += [error() for _ in range(stage.random.randint(1, 3))]


def _loop(stage: Stage, directory: PagedDirectory) -> None:
    directory.loops = True


def _expire(stage: Stage, directory: PagedDirectory) -> None:
    directory.delta_expired = True


def _lose_group(stage: Stage, directory: PagedDirectory) -> None:
    group = stage.random.choice(GROUPS)
    if group in directory.members:
        directory.lost[group] = directory.members.pop(group)


def _silence(stage: Stage, directory: PagedDirectory) -> None:
    directory.silent_about.add(person(stage.random.randrange(PEOPLE)))
    directory.doubted = True  # without an answer, who is gone stays until the next listing


def _doubt(stage: Stage, directory: PagedDirectory) -> None:
    directory.conclusive, directory.doubted = False, True


def _withhold(stage: Stage, directory: PagedDirectory) -> None:
    directory.withholds = True


def _heal(stage: Stage, directory: PagedDirectory) -> None:
    directory.heal()


_DISTURBANCES: Final[dict[str, Callable[[Stage, PagedDirectory], None]]] = {
    "refuses requests": _refuse,
    "names a page twice": _loop,
    "forgets changes": _expire,
    "loses a group": _lose_group,
    "is silent about a person": _silence,
    "is in doubt": _doubt,
    "withholds names": _withhold,
    "heals": _heal,
}
