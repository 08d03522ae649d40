"""Scripted histories: a scenario is a function that says step by step what happens, also between two calls.

The scheduler still chooses the order of everything that a scenario leaves open, by a seed that is always the same.
"""

import re
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shared.bootstrap import App
from shared.domain.ids import TenantId
from shared.domain.run import Run, RunMode
from shared.domain.sync.jobs import Job, SyncRequest
from shared.domain.sync.queue_messages import encode
from shared.errors import Transient
from tests.simulation.engine.cluster import FABRIKAM, TENANTS, ran
from tests.simulation.engine.faults import Fault
from tests.simulation.engine.history import History, Outcome
from tests.simulation.engine.requests import watchdog
from tests.simulation.engine.services import Message
from tests.support.fakes.table_service import Stored

Do = Callable[[App], Coroutine[Any, Any, object]]
Act = Callable[[], None]

#: The seed of all scenarios: that of a history with both tenants and without skewed clocks, which ends with a full run.
_SEED: Final = 24
#: Time in which a watchdog looks at what a lost message has left, in seconds. Source: WATCHDOG_STALE_AFTER_S
STALE_S: Final = 1_000.0
HOUR_S: Final = 3_600.0
DAY_S: Final = 24 * HOUR_S


@dataclass(eq=False)
class _Moment:
    """The next calls with such a label, after some others: they fail, or others do something before."""

    label: re.Pattern[str]
    times: int
    skip: int
    fault: Fault | None = None
    do: Act | None = None

    def met(self, label: str) -> bool:
        """Return whether this is one of the calls, and count it."""
        if not self.times or not self.label.search(label):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class _Script:
    """`Plan` of a scenario: the faults that it names."""

    def __init__(self) -> None:
        self.enabled = True
        self.due = 0
        self.happened: Counter[str] = Counter()
        self.at: dict[int, Fault] = {}
        self.moments: list[_Moment] = []
        #: Whether others do something before a call.
        self.interrupted = False

    def of(self, number: int, label: str, *, writes: bool) -> Fault | None:
        """Return the fault of a call."""
        del writes
        if self.interrupted or not self.enabled:
            return None
        for moment in self.moments:
            if moment.fault is not None and moment.met(label):
                self.at[number] = moment.fault
                self.happened[moment.fault] += 1
                return moment.fault
        return None

    def interruption(self, label: str) -> Act | None:
        """Return what others do before a call."""
        if self.interrupted or not self.enabled:
            return None
        return next((moment.do for moment in self.moments if moment.do is not None and moment.met(label)), None)


class Play:
    """What a scenario is written with. Each step lasts until no worker does anything and no message can be received."""

    def __init__(self) -> None:
        """Begin with two tenants that have synced."""
        self._script = _Script()
        self.history = History(_SEED, self._script, deliveries=0)
        if self.history.tenants != TENANTS:
            raise ValueError(f"the history of seed {_SEED} is that of one tenant")
        self.stage, self.cluster, self.scheduler = self.history.stage, self.history.cluster, self.history.scheduler
        self.view, self.broker = self.cluster.view, self.cluster.broker
        self.history.begin()
        self.history.host.faulty = self.history.watches = False
        self._script.enabled = True
        self.scheduler.interruption = self._interruption
        self.scheduler.settled = self._has_settled

    def _interruption(self, label: str) -> Act | None:
        do = self._script.interruption(label)
        self._script.interrupted = self._script.interrupted or do is not None
        return do

    def _has_settled(self) -> bool:
        settled = self.history.host.settled
        self._script.interrupted = self._script.interrupted and not settled
        return settled

    # What is to happen in the following steps -----------------------------------------------------------------------

    def before(self, label: str, do: Act, *, times: int = 1, skip: int = 0) -> None:
        """Let others do something, and come to rest, before a call whose label has this pattern."""
        self._script.moments.append(_Moment(re.compile(label), times, skip, do=do))

    def fail(self, label: str, fault: Fault, *, times: int = 1, skip: int = 0) -> None:
        """Let calls fail whose label has this pattern."""
        self._script.moments.append(_Moment(re.compile(label), times, skip, fault=fault))

    # Steps ----------------------------------------------------------------------------------------------------------

    def call(self, do: Do) -> None:
        """Let an instance do something for a caller."""
        self.start(do)
        self.settle()

    def start(self, do: Do) -> None:
        """As `call`, without waiting for the end: for what others do before a call."""
        self.stage.call("a caller", do)

    def configure(self, tenant: TenantId, do: Do) -> None:
        """Let an instance change the configuration of a tenant."""
        self.stage.configure(tenant, "a caller", do)
        self.settle()

    def settle(self) -> None:
        """Let everything happen that needs no time to pass."""
        self.history.until_settled()

    def finish(self) -> None:
        """Let everything happen, also what waits."""
        self.history.until_quiet()

    def wait(self, seconds: float) -> None:
        """Let time pass, and what becomes due."""
        self.scheduler.loop.pass_time(seconds)
        self.settle()

    def watch(self, after_s: float = 0.0) -> None:
        """Fire the timer of the watchdog, later."""
        self.scheduler.loop.pass_time(after_s)
        self.start_watchdog()
        self.settle()

    def start_watchdog(self) -> None:
        """Fire the timer of the watchdog, for what others do before a call."""
        self.start(watchdog)

    def request(self, tenant: TenantId, mode: RunMode = RunMode.INCREMENTAL) -> None:
        """Put a message on the queue of requests."""
        self.send(SyncRequest(tenant=tenant, mode=mode, request=f"by hand {self.stage.number()}", requested_by="queue"))

    def sync(self, tenant: TenantId, mode: RunMode = RunMode.INCREMENTAL) -> Run:
        """Sync a tenant to the end, and return the run."""
        self.scheduler.loop.pass_time(60)
        self.request(tenant, mode)
        self.finish()
        return self.stage.runs(tenant)[0]

    def let_wait(self, seconds: float, requests: int) -> None:
        """Let Fabrikam's directory answer the next requests that they are to be sent again later."""
        asked = Transient("Too many requests.", code="throttled", retry_after_s=seconds)
        self.cluster.directory(FABRIKAM).errors += [asked] * requests

    # What the platform does -----------------------------------------------------------------------------------------

    def message(self, queue: str, text: str = "") -> Message:
        """Return the newest message of a queue that contains a text."""
        messages = reversed(self.broker.messages)
        return next(message for message in messages if message.queue == queue and text in message.text)

    def lose(self, queue: str) -> None:
        """Lose all messages of a queue."""
        self.broker.messages[:] = [message for message in self.broker.messages if message.queue != queue]

    def send(self, job: Job) -> None:
        """Put a job on its queue."""
        self.broker.add(job.queue, encode(job), self.scheduler.loop.time())

    def repeat(self, queue: str, text: str = "") -> None:
        """Deliver the newest message of a queue that contains a text a second time, now."""
        self.broker.add(queue, self.message(queue, text).text, self.scheduler.loop.time())

    def give_up(self, queue: str, text: str = "") -> None:
        """Move the newest message of a queue that contains a text to its poison queue, as after the last delivery."""
        message = self.message(queue, text)
        self.broker.messages.remove(message)
        self.broker.poison.append(message)

    def copy(self, table: str) -> dict[tuple[str, str], Stored]:
        """Return the rows of a table."""
        return self.cluster.tables.copied()[table]

    def restore(self, table: str, rows: dict[tuple[str, str], Stored]) -> None:
        """Restore a table from a copy."""
        self.cluster.tables.restore({**self.cluster.tables.copied(), table: rows})

    def delete_tenant(self) -> None:
        """Let a caller delete Fabrikam."""
        self.stage.host.call("DELETE", lambda app: app.tenants.delete(FABRIKAM), lambda: self.stage.deleted(FABRIKAM))

    def touch(self, table: str, partition: str, row: str) -> None:
        """Let another process write a row as it is: only its version changes."""
        stored = ran(self.cluster.tables.get(table, partition, row))
        ran(self.cluster.tables.put(table, dict(stored)))

    def redeploy(self, **settings: Any) -> None:  # noqa: ANN401 - fields of the settings
        """Replace all processes by those of an app with other settings."""
        self.cluster.settings = msgspec.structs.replace(self.cluster.settings, **settings)
        self.history.host.redeploy()

    def end(self) -> Outcome:
        """Bring everything to its end, and return what did not hold, or did not happen."""
        outcome = self.history.finish()
        outcome.violations += [
            f"never came to it: {moment.label.pattern}" for moment in self._script.moments if moment.times
        ]
        return outcome


Scenario = Callable[[Play], None]


def play(scenario: Scenario) -> Outcome:
    """Play a scenario."""
    began = Play()
    scenario(began)
    return began.end()


def name_of(scenario: Scenario) -> str:
    """Return the name of a scenario, with its module."""
    return f"{scenario.__module__.rpartition('.')[2]}: {scenario.__name__.replace('_', ' ')}"
