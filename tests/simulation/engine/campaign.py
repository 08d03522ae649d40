"""Histories and visits on all cores."""

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from tests.simulation.engine import sometimes
from tests.simulation.engine.history import Outcome, simulate
from tests.simulation.engine.play import name_of, play
from tests.simulation.engine.points import CRASHES, OPERATIONS, Operation, recorded, visit
from tests.simulation.engine.process import begin
from tests.simulation.engine.scenarios import ALL
from tests.simulation.engine.sometimes import Point

#: Number of deliveries of a long history.
LONG_DELIVERIES: Final = 300
#: Number of short histories that a process does in a row.
_CHUNK: Final = 20


@dataclass(frozen=True)
class Histories:
    """Histories with these seeds, and the number of deliveries that each has at least."""

    seeds: Sequence[int]
    deliveries: int


@dataclass(frozen=True)
class Visits:
    """A share of the points of an operation: every `of`-th from the `part`-th on."""

    operation: int
    part: int = 0
    of: int = 1


@dataclass(frozen=True)
class Scenarios:
    """All scenarios."""


Job = Histories | Visits | Scenarios


@dataclass(frozen=True)
class Failure:
    """An invariant that did not hold, in a history or at a point."""

    where: str
    what: str
    #: Seed and number of deliveries of the history; None for a point.
    history: tuple[int, int] | None = None


@dataclass
class Done:
    """What some jobs found."""

    #: Number of deliveries of each history that counts.
    deliveries: list[int] = field(default_factory=list)
    #: What did not hold, the first of each history or visit.
    failed: list[Failure] = field(default_factory=list)
    long: int = 0
    crash_points: int = 0
    crash_points_visited: int = 0
    lost_answer_points: int = 0
    lost_answer_points_visited: int = 0
    scenarios: int = 0
    reached: set[Point] = field(default_factory=set)

    def add(self, other: "Done") -> None:
        """Add what other jobs found."""
        self.deliveries += other.deliveries
        self.failed += other.failed
        self.long += other.long
        self.crash_points += other.crash_points
        self.crash_points_visited += other.crash_points_visited
        self.lost_answer_points += other.lost_answer_points
        self.lost_answer_points_visited += other.lost_answer_points_visited
        self.scenarios += other.scenarios
        self.reached |= other.reached


Do = Callable[[Sequence[Job]], Iterable[Done]]


def all_visits() -> list[Job]:
    """Return the visits of all points, for any number of processes."""
    parts = 4
    return [Visits(number, part, parts) for number in range(len(OPERATIONS)) for part in range(parts)]


def histories(seeds: Sequence[int], deliveries: int, chunk: int = _CHUNK) -> list[Job]:
    """Return jobs for histories, a number of them in each."""
    return [Histories(seeds[start : start + chunk], deliveries) for start in range(0, len(seeds), chunk)]


@contextmanager
def workers() -> Iterator[Do]:
    """Yield a function that does jobs in processes, one for each core, and yields what they find."""
    with multiprocessing.get_context("spawn").Pool(os.cpu_count(), initializer=begin) as pool:
        yield partial(pool.imap_unordered, work)


def work(job: Job) -> Done:
    """Do a job in this process."""
    sometimes.REACHED.clear()
    found = Done()
    match job:
        case Histories():
            for seed in job.seeds:
                _add_history(found, simulate(seed, job.deliveries), job.deliveries)
        case Visits():
            _visit(found, OPERATIONS[job.operation], job)
        case Scenarios():
            for scenario in ALL:
                found.scenarios += 1
                found.failed += [Failure(name_of(scenario), what) for what in play(scenario).violations[:1]]
    found.reached = set(sometimes.REACHED)
    gc.collect()
    gc.freeze()
    return found


def _add_history(found: Done, outcome: Outcome, deliveries: int) -> None:
    if outcome.counts:
        found.deliveries.append(outcome.deliveries)
        found.long += outcome.deliveries >= LONG_DELIVERIES
    if outcome.violations:
        where = f"seed {outcome.seed}, {deliveries} deliveries"
        found.failed.append(Failure(where, outcome.violations[0], (outcome.seed, deliveries)))


def _visit(found: Done, operation: Operation, job: Visits) -> None:
    undisturbed, points = recorded(operation)
    found.failed += [Failure(f"{operation.name}, undisturbed", what) for what in undisturbed.violations[:1]]
    for point in points[job.part :: job.of]:
        outcome, visited = visit(point)
        if point.fault in CRASHES:
            found.crash_points += 1
            found.crash_points_visited += visited
        else:
            found.lost_answer_points += 1
            found.lost_answer_points_visited += visited
        where = f"{operation.name}, {point.fault}, call {point.number} ({point.label})"
        found.failed += [Failure(where, what) for what in outcome.violations[:1]]
