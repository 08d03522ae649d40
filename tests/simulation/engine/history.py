"""A history: random actions and faults, a quiet end, and what must hold afterwards."""

import random
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from shared.bootstrap import App
from shared.domain.ids import RunId, TenantId
from shared.domain.run import Run, RunMode, RunState
from shared.domain.sync.jobs import SyncRequest
from shared.domain.sync.queue_messages import encode
from tests.simulation.engine.actions import Actions
from tests.simulation.engine.cluster import TENANTS, Cluster, ran
from tests.simulation.engine.faults import Plan, RandomFaults
from tests.simulation.engine.host import Host
from tests.simulation.engine.invariants import Invariants
from tests.simulation.engine.loop import Stalled
from tests.simulation.engine.scheduler import Move, Scheduler

#: Share of effects that fail.
RATE: Final = 0.03
#: Number of actions of a short history.
ACTIONS: Final = 8
#: Number of deliveries, and of faults, from which a history counts.
MIN_DELIVERIES: Final = 12
MIN_FAULTS: Final = 2
_ACT: Final = 0.4
_WITH_ALL: Final = 4
#: Number of messages from which no action adds more.
_MANY_MESSAGES: Final = 30
#: Number of steps after which a history does not end, for each action.
_MAX_STEPS: Final = 4_000
#: Time between two watchdogs, in seconds. Source: WATCHDOG_SCHEDULE
_WATCHDOG_S: Final = 300.0
#: Number of watchdogs in which everything must have ended: those of a deadline of six hours, and some more.
_WATCHDOGS: Final = 120
_SKEWS: Final = ((0.0,), (0.0,), (0.0, 3_600.0), (-3_600.0, 0.0, 1_800.0))


@dataclass(slots=True)
class Outcome:
    """What a history was."""

    seed: int
    deliveries: int = 0
    faults: dict[int, str] = field(default_factory=dict)
    effects: int = 0
    violations: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)

    @property
    def counts(self) -> bool:
        """Whether it had the deliveries and faults of a history that counts."""
        return self.deliveries >= MIN_DELIVERIES and len(self.faults) >= MIN_FAULTS


class History:
    """Two tenants, some workers, and a seed."""

    def __init__(self, seed: int, faults: Plan, actions: int) -> None:
        self.seed = seed
        self.faults = faults
        self.scheduler = Scheduler(seed, faults)
        self.cluster = Cluster(self.scheduler)
        self.cluster.begin()
        self.host = Host(self.cluster, 2 + seed % 2, _SKEWS[seed // 3 % len(_SKEWS)])
        self.invariants = Invariants(self.cluster)
        #: The tenants with which something happens: in every fourth history both, otherwise one of them.
        self.tenants = TENANTS if seed % _WITH_ALL == 0 else (TENANTS[seed % len(TENANTS)],)
        self.actions = Actions(self.cluster, self.host, random.Random(f"actions {seed}"), self.tenants)
        self.actions.configured, self.actions.moved = self.invariants.configured, self.invariants.moved
        self.actions.paused, self.actions.resuming = self.invariants.paused, self.invariants.resuming
        self.moved = self.invariants.moved
        self._left = actions
        self._limit = _MAX_STEPS * (actions + 10)
        self._violations = self.invariants.violations
        for tenant in TENANTS:
            self.moved(tenant)
        random.seed(seed)  # the jitter of the product
        self.scheduler.loop.set_exception_handler(lambda _loop, _context: None)
        self.scheduler.moves, self.scheduler.after_step = self._moves, self.invariants.after_step

    def begin(self) -> None:
        """Sync both tenants without a fault."""
        self.faults.enabled = self.host.faulty = False
        for tenant in TENANTS:
            self._sync(tenant, "first", RunMode.FULL)
        self.host.faulty = True

    def finish(self) -> Outcome:
        """Run it to its end, and return what did not hold."""
        try:
            self.until_quiet()
            self._end()
        except (Stalled, AssertionError) as error:
            self._violations.append(f"{type(error).__name__}: {error}")
            self.scheduler.abandon()
        self.scheduler.loop.close()
        self._violations += [f"unexpected: {error!r}" for error in self.host.unexpected]
        return Outcome(
            self.seed,
            self.host.deliveries,
            {number: str(fault) for number, fault in self.faults.at.items()},
            self.scheduler.effects,
            self._violations,
            self.scheduler.trace,
        )

    def until_quiet(self) -> None:
        """Let everything happen that can. Raises AssertionError if it does not end."""
        scheduler = self.scheduler
        limit = scheduler.steps + self._limit
        scheduler.quiet = lambda: self._is_quiet() or scheduler.steps > limit
        scheduler.loop.run_forever()
        if scheduler.steps > limit:
            raise AssertionError("the history does not end")

    def call(self, label: str, do: Callable[[App], Coroutine[Any, Any, object]]) -> None:
        """Let an instance do something for a caller."""
        self.host.call(label, do, lambda: None)

    def runs(self, tenant: TenantId) -> list[Run]:
        """Return the runs of a tenant, by their ids: the newest first, if no clock is wrong."""

        async def listed() -> list[Run]:
            return [run async for run in self.cluster.view.runs.list_runs(tenant)]

        return ran(listed())

    def _moves(self) -> list[Move]:
        found = self.host.moves()
        if self._left and len(self.cluster.broker.messages) < _MANY_MESSAGES:
            found.append(Move(_ACT, "", self._act))
        if not self._left and self.host.idle:
            found += [Move(_ACT, "", partial(self.actions.resume, tenant)) for tenant in self._paused()]
        return found

    def _paused(self) -> list[TenantId]:
        return [tenant for tenant in self.tenants if ran(self.cluster.view.sync_states.get(tenant)).value.pauses]

    def _act(self) -> None:
        self._left -= 1
        self.actions.next()

    def _is_quiet(self) -> bool:
        idle = not self._left and self.host.idle and not self.cluster.broker.messages and not self.scheduler.late
        return idle and not self._paused()

    def _end(self) -> None:
        """Let the watchdogs clean up without faults, sync everything, and check."""
        self.faults.enabled = self.host.faulty = False
        for _ in range(_WATCHDOGS):
            if self._all_ended():
                break
            self.scheduler.loop.pass_time(_WATCHDOG_S)
            self.actions.watch()
            self.until_quiet()
        for tenant in self.tenants:
            self.invariants.i6_progress(tenant)
        self.invariants.i6_queues()
        if self._violations:
            return
        for number, mode in enumerate((RunMode.INCREMENTAL, RunMode.FULL)):
            for tenant in self.tenants:
                if ran(self.cluster.view.connections.find(tenant)) is not None:
                    run = self._sync(tenant, f"last {number}", mode)
                    self._require_done(tenant, run, unchanged=mode is RunMode.FULL)
        for tenant in self.tenants:
            self.invariants.i14_history(tenant)

    def _sync(self, tenant: TenantId, request: str, mode: RunMode) -> Run | None:
        self.scheduler.loop.pass_time(60)
        before = {run.id for run in self.runs(tenant)}
        job = SyncRequest(tenant=tenant, mode=mode, request=request, requested_by="history")
        self.cluster.broker.add(job.queue, encode(job), 0)
        self.until_quiet()
        run = self._new(tenant, before)
        if run is not None and run.state is RunState.HELD:
            held, digest = run.id, run.held_digest or ""
            self.call("approve", lambda app: app.review_held.approve(tenant, held, digest, "anna"))
            self.until_quiet()
            run = self._new(tenant, before)
        return run

    def _require_done(self, tenant: TenantId, run: Run | None, *, unchanged: bool) -> None:
        if run is None or run.state is not RunState.DONE:
            self._violations.append(f"I6: the last run of {tenant} is {run and run.state}: {run and run.problems}")
            return
        self.invariants.i3_completeness(tenant)
        if unchanged:
            self.invariants.i4_idempotence(run.counts)

    def _new(self, tenant: TenantId, before: Collection[RunId]) -> Run | None:
        return next((run for run in self.runs(tenant) if run.id not in before), None)

    def _all_ended(self) -> bool:
        busy = [ran(self.cluster.view.sync_states.get(tenant)).value.is_busy for tenant in self.tenants]
        ended = all(run.state.ended for tenant in self.tenants for run in self.runs(tenant))
        return not any(busy) and ended and not self.cluster.broker.poison


def simulate(seed: int, actions: int = ACTIONS, faults: Plan | None = None) -> Outcome:
    """Return the outcome of a history."""
    return History(seed, faults or RandomFaults(seed, RATE), actions).finish()


def minimised(seed: int, actions: int = ACTIONS) -> Outcome:
    """Return the outcome of a failing history with as few of its faults as it fails with, in the same invariant."""
    found = simulate(seed, actions)
    kind, kept = found.violations[0].partition(":")[0], set(found.faults)
    for number in sorted(kept, reverse=True):
        fewer = simulate(seed, actions, RandomFaults(seed, RATE, frozenset(kept - {number})))
        if any(violation.startswith(kind) for violation in fewer.violations):
            kept, found = set(fewer.faults), fewer
    return found
