"""The scheduler of a history: it chooses every step of every actor, by one seed."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, TypeVar

from shared.errors import Transient
from tests.simulation.engine.faults import Fault, Plan
from tests.simulation.engine.loop import VirtualLoop

T = TypeVar("T")

#: When histories begin.
BEGINNING: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
#: Weights of what can happen next.
_GO_ON: Final = 12
_LATE_WRITE: Final = 1
_PASS_TIME: Final = 1
#: What the answer to a throttled request asks to wait, in seconds.
_WAITS_S: Final = (0.0, 5.0, 90.0)
#: Time after which a write that is under way has arrived, in seconds.
_LATE_S: Final = 300.0


class Died(BaseException):
    """The process of an actor dies here: its coroutines end, and none of them has an effect any more."""


@dataclass(eq=False)
class Actor:
    """A process: a worker, an instance that answers HTTP requests, or one that a test uses to look."""

    name: str
    scheduler: "Scheduler"
    #: By how much its clock is wrong, in seconds.
    skew_s: float = 0.0
    alive: bool = True

    def now(self) -> datetime:
        """Return the time that its clock shows."""
        return BEGINNING + timedelta(seconds=self.scheduler.loop.time() + self.skew_s)

    def monotonic_s(self) -> float:
        """Return seconds since some fixed moment."""
        return self.scheduler.loop.time()

    async def effect(self, label: str, do: Callable[[], Awaitable[T]], *, writes: bool) -> T:
        """Do something to what the actors share, when the scheduler chooses it, and perhaps not as it should be done.

        Raises:
            Died: The actor's process ends.
            Transient: The effect did not happen, or the actor is not told whether it did.

        """
        scheduler = self.scheduler
        await scheduler.turn(self, label)
        fault = scheduler.next_fault(self, label, writes=writes)
        if fault is None:
            return await do()
        return await self._faulty(fault, label, do)

    async def _faulty(self, fault: Fault, label: str, do: Callable[[], Awaitable[T]]) -> T:
        scheduler = self.scheduler
        match fault:
            case Fault.CRASH_BEFORE:
                self.die()
            case Fault.REFUSED:
                raise Transient("The service is busy.", code="storage_busy")
            case Fault.THROTTLED:
                wait_s = _WAITS_S[scheduler.effects % len(_WAITS_S)]
                raise Transient("The service is busy.", code="storage_busy", retry_after_s=wait_s)
            case Fault.DELAYED:
                scheduler.write_later(label, do)
                raise Transient("The service did not answer.", code="storage_unreachable")
            case Fault.DUPLICATED:
                scheduler.write_later(label, do)
        done = await do()
        match fault:
            case Fault.CRASH_AFTER:
                self.die()
            case Fault.LOST:
                raise Transient("The service did not answer.", code="storage_unreachable")
            case Fault.RETRIED:
                await scheduler.turn(self, f"{label}, again")
                done = await do()
        return done

    def die(self) -> None:
        """End the process in the middle of an effect. Raises Died."""
        self.end()
        raise Died

    def end(self) -> None:
        """End the process."""
        self.alive = False
        self.scheduler.bury(self)


@dataclass(eq=False)
class _Turn:
    actor: Actor
    label: str
    future: "asyncio.Future[None]"
    #: What others do before it, until it was begun.
    before: Callable[[], None] | None = None


class Move(NamedTuple):
    """Something that can happen next, beside what actors are about to do."""

    weight: float
    do: Callable[[], None]
    #: How much time it lets pass at most, in seconds.
    passes_s: float = 0.0


#: Nothing but the passing of time until the next timer of a coroutine.
_TIMER: Final = Move(_PASS_TIME, lambda: None)


@dataclass(eq=False)
class _LateWrite:
    label: str
    do: Callable[[], Awaitable[object]]
    #: When it has arrived at the latest, in seconds.
    due_s: float
    #: That of its sender.
    context: Context


@dataclass(eq=False)
class Scheduler:
    """Chooses what happens next, and writes it down."""

    seed: int
    faults: Plan
    #: What else can happen at this moment.
    moves: Callable[[], list[Move]] = list
    #: Called after each effect and each move.
    after_step: Callable[[], None] = lambda: None
    #: Whether to stop now.
    quiet: Callable[[], bool] = lambda: True
    #: What others do, and come to rest, before an effect with this label; None if nothing.
    interruption: Callable[[str], Callable[[], None] | None] = lambda label: None
    #: Whether others have come to rest after an interruption.
    settled: Callable[[], bool] = lambda: True
    #: Writes that are still under way.
    late: list[_LateWrite] = field(default_factory=list)
    #: What happened, one line each.
    trace: list[str] = field(default_factory=list)
    effects: int = 0
    steps: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(f"schedule {self.seed}")
        self.loop = VirtualLoop(self._idle)
        self._go_on_move = Move(_GO_ON, self._go_on)
        self._late_move = Move(_LATE_WRITE, self._write_late)
        self._turns: list[_Turn] = []
        #: The turn that waits until others have come to rest.
        self._held: _Turn | None = None

    @property
    def holding(self) -> Actor | None:
        """The actor that waits until others have come to rest."""
        return self._held.actor if self._held is not None else None

    async def turn(self, actor: Actor, label: str) -> None:
        """Return when the scheduler lets the actor go on. Raises Died if its process ended before."""
        if not actor.alive:
            raise Died
        turn = _Turn(actor, label, self.loop.create_future())
        turn.before = self.interruption(label) if self._held is None else None
        if turn.before is not None:
            self._held = turn
        else:
            self._turns.append(turn)
        try:
            await turn.future
        except asyncio.CancelledError:  # another call of the same request has failed
            self._turns = [waiting for waiting in self._turns if waiting is not turn]
            self._held = None if self._held is turn else self._held
            raise

    def next_fault(self, actor: Actor, label: str, *, writes: bool) -> Fault | None:
        """Return how the effect that is about to happen fails, and write it down."""
        number = self.effects
        self.effects += 1
        fault = self.faults.of(number, label, writes=writes)
        self.trace.append(f"{actor.name}: {label}" + (f" [{number}: {fault}]" if fault else ""))
        return fault

    def write_later(self, label: str, do: Callable[[], Awaitable[object]]) -> None:
        """Let a write arrive later than its sender waits."""
        self.late.append(_LateWrite(label, do, self.loop.time() + _LATE_S, copy_context()))

    def bury(self, actor: Actor) -> None:
        """End the coroutines of a dead actor."""
        if self._held is not None and self._held.actor is actor:
            self._release()
        for turn in [turn for turn in self._turns if turn.actor is actor]:
            self._turns.remove(turn)
            if not turn.future.done():
                turn.future.set_exception(Died())

    def abandon(self) -> None:
        """End all coroutines."""
        self.interruption = lambda _label: None
        self._release()
        self.quiet = lambda: not self._turns
        self.moves = lambda: [Move(1, self._kill)] if self._turns else []
        self.loop.run_forever()

    def _kill(self) -> None:
        actor = self._turns[0].actor
        actor.alive = False
        self.bury(actor)

    def _idle(self) -> bool:
        self.steps += 1
        self.after_step()
        if self.quiet():
            self.loop.stop()
            return True
        if self._held is not None and self._held.before is not None:
            before, self._held.before = self._held.before, None
            self.trace.append(f"{self._held.actor.name}: waits before {self._held.label}")
            before()
            return True
        if self._held is not None and self.settled():
            self._release()
        choices = self.moves()
        if self._turns:
            choices.append(self._go_on_move)
        if self.late:
            choices.append(self._late_move)
        if self.loop.has_timers() and choices:
            choices.append(_TIMER)
        if not choices:
            return False
        move = self._chosen(choices)
        if move is _TIMER:
            return False
        if self.late and self.loop.time() + move.passes_s > self.late[0].due_s:
            move = self._late_move
        move.do()
        return True

    def _release(self) -> None:
        """Let the turn be chosen that waited for others."""
        if self._held is not None:
            self._turns.append(self._held)
            self._held = None

    def _chosen(self, choices: Sequence[Move]) -> Move:
        if len(choices) == 1:
            return choices[0]
        left = self.random.random() * sum([choice.weight for choice in choices])
        for choice in choices:
            left -= choice.weight
            if left < 0:
                return choice
        return choices[-1]

    def _go_on(self) -> None:
        turn = self._turns.pop(int(self.random.random() * len(self._turns)))
        turn.future.set_result(None)

    def _write_late(self) -> None:
        write = self.late.pop(self.random.randrange(len(self.late)))
        self.trace.append(f"late: {write.label}")

        async def late() -> None:
            try:
                await write.do()
            except Exception as error:  # noqa: BLE001 - no one waits for its answer
                self.trace.append(f"late: refused, {type(error).__name__}")

        self.loop.create_task(late(), context=write.context)
