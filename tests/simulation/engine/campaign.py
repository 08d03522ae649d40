"""Histories and visits on all cores."""

import logging
import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.simulation.engine.history import simulate
from tests.simulation.engine.points import CRASHES, LOST_ANSWERS, OPERATIONS, visit
from tests.simulation.engine.sometimes import Point, Reached

#: Number of deliveries of a long history.
LONG_DELIVERIES: Final = 300
#: Every n-th history is watched for rare branches, which makes it slower.
_WATCHED: Final = 10
_CHUNK: Final = 20


@dataclass(frozen=True)
class Job:
    """A history, or the visit of every point of an operation if `actions` is 0."""

    number: int
    actions: int


@dataclass
class Done:
    """What some jobs found."""

    #: Number of deliveries of each history that counts.
    deliveries: list[int] = field(default_factory=list)
    #: What did not hold, one line for each history or visit.
    failed: list[str] = field(default_factory=list)
    long: int = 0
    crash_points: int = 0
    lost_answer_points: int = 0
    reached: set[Point] = field(default_factory=set)

    def add(self, other: "Done") -> None:
        """Add what other jobs found."""
        self.deliveries += other.deliveries
        self.failed += other.failed
        self.long += other.long
        self.crash_points += other.crash_points
        self.lost_answer_points += other.lost_answer_points
        self.reached |= other.reached


def worked(jobs: list[Job]) -> Iterator[Done]:
    """Do jobs on all cores, and yield what they find."""
    points, histories = [job for job in jobs if not job.actions], [job for job in jobs if job.actions]
    chunks = [[job] for job in points]
    chunks += [histories[start : start + _CHUNK] for start in range(0, len(histories), _CHUNK)]
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        yield from pool.imap_unordered(work, chunks)


def work(jobs: list[Job]) -> Done:
    """Do jobs in this process."""
    logging.disable(logging.CRITICAL)
    done, watcher = Done(), Reached()
    for job in jobs:
        if job.actions:
            _history(job, done, watcher)
        else:
            _visit(job, done)
    done.reached = watcher.points
    return done


def _history(job: Job, done: Done, watcher: Reached) -> None:
    if job.number % _WATCHED == 0:
        with watcher.watching():
            outcome = simulate(job.number, job.actions)
    else:
        outcome = simulate(job.number, job.actions)
    if outcome.counts or outcome.violations:
        done.deliveries.append(outcome.deliveries)
    done.long += outcome.deliveries >= LONG_DELIVERIES
    done.failed += [f"seed {job.number}, {job.actions} actions: {what}" for what in outcome.violations[:1]]


def _visit(job: Job, done: Done) -> None:
    for fault in (*CRASHES, *LOST_ANSWERS):
        for each in visit(OPERATIONS[job.number], fault):
            done.crash_points += fault in CRASHES
            done.lost_answer_points += fault in LOST_ANSWERS
            done.failed += [f"{each.operation}, {each.fault} {each.number}: {what}" for what in each.violations[:1]]
