"""A history: random actions and faults, a quiet end, and what must hold afterwards."""

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from shared.domain.ids import RunId, TenantId
from shared.domain.operations.retention import RetentionRound
from shared.domain.run import Run, RunMode, RunState
from shared.domain.sync.jobs import SyncRequest
from shared.domain.sync.queue_messages import encode
from tests.simulation.engine import run_actions, settings_actions
from tests.simulation.engine.actions import act
from tests.simulation.engine.cluster import TENANTS, Cluster, listed, ran
from tests.simulation.engine.directory import PagedDirectory
from tests.simulation.engine.faults import Plan, RandomFaults
from tests.simulation.engine.host import Host
from tests.simulation.engine.invariants import Invariants
from tests.simulation.engine.loop import Stalled
from tests.simulation.engine.requests import BY, connect
from tests.simulation.engine.scheduler import BEGINNING, Move, Scheduler
from tests.simulation.engine.stage import Stage

#: Share of effects that fail.
RATE: Final = 0.05
#: Number of deliveries, and of faults, from which a history counts.
MIN_DELIVERIES: Final = 12
MIN_FAULTS: Final = 2
#: Number of deliveries that the last sync of a tenant has at least.
_LAST_DELIVERIES: Final = 7
#: Number of deliveries to which a message leads, while its run is under way.
_EACH_MESSAGE: Final = 3
#: Number of actions after which there are no more, for each delivery that is wanted.
_MAX_ACTIONS: Final = 5
_ACT: Final = 0.4
#: In one of this many histories there are both tenants, old rows are looked for on the first day, and the history ends
#: with a full run.
_WITH_ALL: Final = 8
_WITH_RETENTION: Final = 8
_WITH_FULL: Final = 6
#: Number of messages from which no action adds more.
_MANY_MESSAGES: Final = 30
#: Number of steps after which a history does not end, for each delivery that is wanted.
_MAX_STEPS: Final = 4_000
#: Time between two watchdogs, in seconds. Source: WATCHDOG_SCHEDULE
_WATCHDOG_S: Final = 300.0
#: Weight of the timer of the watchdog once it is due, and of waiting for it while no process does anything.
_WATCH: Final = 0.1
_WATCH_LATER: Final = 0.03
#: Time between two watchdogs at the end, in seconds: what is stale is looked for. Source: WATCHDOG_STALE_AFTER_S
_LAST_WATCHDOGS_S: Final = 900.0
#: Number of these in which everything must have ended: those of a deadline of six hours, and some more.
_WATCHDOGS: Final = 40
#: Time after which credentials can be validated again, in seconds.
_LIMITED_S: Final = 3_700.0
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
    """One or two tenants, some workers, and a seed."""

    def __init__(self, seed: int, faults: Plan, deliveries: int) -> None:
        """Begin a history in which something happens until it has `deliveries`, and two faults.

        With 0, only what others do happens in it, and they end the faults.
        """
        self.seed = seed
        self.faults = faults
        self.scheduler = Scheduler(seed, faults)
        #: In every eighth history both tenants, otherwise one of them.
        self.tenants = TENANTS if seed % _WITH_ALL == 0 else (TENANTS[seed % len(TENANTS)],)
        self.cluster = Cluster(self.scheduler, self.tenants)
        self.cluster.begin()
        if seed % _WITH_RETENTION:
            done = RetentionRound(begun_at=BEGINNING, finished=True)
            ran(self.cluster.view.tenants.replace_retention_round(done, None))
        self.host = Host(self.cluster, 2 + seed % 2, _SKEWS[seed // 3 % len(_SKEWS)])
        self.invariants = Invariants(self.cluster)
        self.stage = Stage(self.cluster, self.host, random.Random(f"actions {seed}"), self.tenants)
        self.moved = self.stage.moved = self.invariants.moved
        self.stage.configured, self.stage.deleted = self.invariants.configured, self.invariants.deleted
        self.stage.paused, self.stage.resuming = self.invariants.paused, self.invariants.resuming
        self._deliveries = deliveries
        self._wanted = deliveries - _LAST_DELIVERIES
        self._left = _MAX_ACTIONS * deliveries
        self._ends = False
        self._watch_s = _WATCHDOG_S
        #: Whether the timer of the watchdog fires.
        self.watches = True
        self._watch_move = Move(_WATCH, self._watch)
        self._act_move = Move(_ACT, self._act)
        self._limit = _MAX_STEPS * (deliveries + 10)
        self._violations = self.invariants.violations
        for tenant in self.tenants:
            self.moved(tenant)
        random.seed(seed)  # the jitter of the product
        self.scheduler.loop.set_exception_handler(lambda _loop, _context: None)
        self.scheduler.moves, self.scheduler.after_step = self._moves, self.invariants.after_step

    def begin(self) -> None:
        """Sync the tenants without a fault."""
        self._calm()
        for tenant in self.tenants:
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
        self._run_until(self._is_quiet)

    def until_settled(self) -> None:
        """Let everything happen that needs no time to pass. Raises AssertionError if it does not end."""
        self.host.waits = False
        self._run_until(lambda: self.host.settled and self.scheduler.holding is None)
        self.host.waits = True

    def _run_until(self, is_over: Callable[[], bool]) -> None:
        scheduler = self.scheduler
        limit = scheduler.steps + self._limit
        scheduler.quiet = lambda: is_over() or scheduler.steps > limit
        scheduler.loop.run_forever()
        if scheduler.steps > limit:
            raise AssertionError("the history does not end")

    def _moves(self) -> list[Move]:
        acts = self._acts
        if not acts and 0 < self._deliveries <= self.host.deliveries:
            self._calm()  # what is under way ends without further faults
        found = self.host.moves()
        if acts and len(self.cluster.broker.messages) < _MANY_MESSAGES:
            found.append(self._act_move)
        if self.watches:
            wait_s = self._watch_s - self.scheduler.loop.time()
            if wait_s <= 0:
                found.append(self._watch_move)
            elif acts and self.host.idle:
                found.append(Move(_WATCH_LATER, self._watch, wait_s))
        if not acts and self.host.idle:
            found += [Move(_ACT, partial(settings_actions.resume, self.stage, tenant)) for tenant in self._paused()]
        return found

    def _calm(self) -> None:
        """Let nothing fail any more."""
        self.faults.enabled = self.host.faulty = False

    def _watch(self) -> None:
        """Fire the timer of the watchdog, once it is due."""
        loop = self.scheduler.loop
        loop.pass_time(max(0.0, self._watch_s - loop.time()))
        self._watch_s = loop.time() + _WATCHDOG_S
        run_actions.watch(self.stage)

    def _paused(self) -> list[TenantId]:
        return [tenant for tenant in self.tenants if ran(self.cluster.view.sync_states.get(tenant)).value.pauses]

    @property
    def _acts(self) -> bool:
        """Whether more is to happen."""
        if self._ends or self._left <= 0:
            return False
        under_way = len(self.cluster.broker.messages) + self.host.working
        return self.host.deliveries + _EACH_MESSAGE * under_way < self._wanted or self.faults.due < MIN_FAULTS

    def _act(self) -> None:
        self._left -= 1
        act(self.stage)

    def _is_quiet(self) -> bool:
        idle = self.host.idle and not self.cluster.broker.messages and not self.scheduler.late and not self._acts
        return idle and not self._paused()

    def _end(self) -> None:
        """Let the watchdogs clean up without faults, sync everything, and check."""
        self._calm()
        self._ends = True
        for tenant in self.tenants:
            self.cluster.directory(tenant).heal()
            self.moved(tenant)
        for _ in range(_WATCHDOGS):
            if self._all_ended():
                break
            self.scheduler.loop.pass_time(_LAST_WATCHDOGS_S)
            self._watch()
            self.until_quiet()
        for tenant in self.tenants:
            self.invariants.i6_progress(tenant)
            self.invariants.i6_imports(tenant)
        self.invariants.i6_queues()
        self.invariants.i6_erasures()
        if self._violations:
            return
        connected = [tenant for tenant in self.tenants if ran(self.cluster.view.connections.find(tenant)) is not None]
        self._sync_all(connected)
        existing = self._existing()
        for tenant in self.tenants:
            self.invariants.i6_staged(tenant)
            self.invariants.i14_history(tenant)
            if tenant not in existing:
                self.invariants.i15_erasure(tenant)

    def _sync_all(self, tenants: Sequence[TenantId]) -> None:
        for tenant in tenants:
            self._reconnect(tenant)
        for tenant in tenants:
            mode = RunMode.FULL if self.cluster.directory(tenant).doubted else RunMode.INCREMENTAL
            self._require_done(tenant, self._sync(tenant, "last", mode), unchanged=False)
        if self.seed % _WITH_FULL == 0 or self.host.deliveries < self._deliveries:
            for tenant in tenants:
                self._require_done(tenant, self._sync(tenant, "last, full", RunMode.FULL), unchanged=True)

    def _reconnect(self, tenant: TenantId) -> None:
        """Enter the credentials again if the directory has others than at the beginning."""
        directory = self.cluster.directory(tenant)
        if directory.secret != PagedDirectory().secret:
            self.scheduler.loop.pass_time(_LIMITED_S)
            self.stage.configure(tenant, "the last PUT connection", lambda app: connect(app, tenant, directory))
            self.until_quiet()

    def _sync(self, tenant: TenantId, request: str, mode: RunMode) -> Run | None:
        self.scheduler.loop.pass_time(60)
        before = {run.id for run in self.stage.runs(tenant)}
        job = SyncRequest(tenant=tenant, mode=mode, request=request, requested_by="queue")
        self.cluster.broker.add(job.queue, encode(job), 0)
        self.until_quiet()
        run = self._new(tenant, before)
        if run is not None and run.state is RunState.HELD:
            held, digest = run.id, run.held_digest or ""
            self.stage.call("approve", lambda app: app.review_held.approve(tenant, held, digest, BY))
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
        return next((run for run in self.stage.runs(tenant) if run.id not in before), None)

    def _all_ended(self) -> bool:
        busy = [ran(self.cluster.view.sync_states.get(tenant)).value.is_busy for tenant in self.tenants]
        ended = all(run.state.ended for tenant in self.tenants for run in self.stage.runs(tenant))
        view, existing = self.cluster.view, self._existing()
        gone = [tenant for tenant in self.tenants if tenant not in existing]
        erased = not listed(view.tenants.list_deletions()) and not any(
            listed(view.connections.list_secret_entries(tenant)) for tenant in gone
        )
        imported = not any(map(self.invariants.running_imports, self.tenants))
        erased = erased and imported and not listed(view.erasures.list_erasures())
        return not any(busy) and ended and erased and not self.cluster.broker.poison

    def _existing(self) -> set[TenantId]:
        return {tenant.id for tenant in listed(self.cluster.view.tenants.list_tenants())}


def simulate(seed: int, deliveries: int = MIN_DELIVERIES, faults: Plan | None = None) -> Outcome:
    """Return the outcome of a history."""
    return History(seed, faults or RandomFaults(seed, RATE), deliveries).finish()


def minimised(seed: int, deliveries: int = MIN_DELIVERIES) -> Outcome:
    """Return the outcome of a failing history with as few of its faults as it fails with, in the same invariant."""
    found = simulate(seed, deliveries)
    kind, kept = found.violations[0].partition(":")[0], set(found.faults)
    for number in sorted(kept, reverse=True):
        fewer = simulate(seed, deliveries, RandomFaults(seed, RATE, frozenset(kept - {number})))
        if any(violation.startswith(kind) for violation in fewer.violations):
            kept, found = set(fewer.faults), fewer
    return found
