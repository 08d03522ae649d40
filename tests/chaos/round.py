"""One round: a tenant works while faults and events befall the stack, and is compared with its undisturbed twin.

The twin works on the same stack, before each step of the tenant. What it has in the end depends on nothing else than
its work, so that later rounds with the same work are compared with it, too.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

from infra.local.azurite import Azurite
from infra.local.demo.simulator import Simulator
from infra.local.stack.certificates import ensure_certificates
from infra.local.stack.local_stack import LocalStack
from infra.local.stack.ports import LOCALHOST, Ports, free_ports
from tests.chaos import waits
from tests.chaos.client import PatientApi
from tests.chaos.end_state import EndState, Rows, end_state, recipient_differences, staged_differences
from tests.chaos.events import Event, Events
from tests.chaos.faults import Faults, Service
from tests.chaos.plan import Round, Step
from tests.chaos.proxy import Proxy
from tests.chaos.result import Result
from tests.chaos.work import LOCATIONS, Work, change_directory, found_directory

TWIN: Final = "the-twin"
TENANT: Final = "the-tenant"
#: Scale of the stack's sample directories, which no round uses.
_SCALE: Final = 0.01
#: Bound of a round, in seconds for each recipient, and in times of the longest wait, besides a fixed part.
_FIXED_S: Final = 600.0
_PER_RECIPIENT_S: Final = 0.03
_WAITS: Final = 4
#: Share of a step's writes after which its event happens, at least and at most.
_FROM, _TO = 0.1, 0.7


@dataclass(slots=True)
class End:
    """What a twin has stored in the end, and the number of its writes in each step."""

    rows: Rows = field(default_factory=dict)
    staged: Counter[str] = field(default_factory=Counter)
    writes: list[int] = field(default_factory=list)


#: The ends of twins, by what determines them.
Twins = dict[tuple[object, ...], End]


@dataclass(slots=True)
class _Running:
    """The stack of a round, with everything that works on it."""

    plan: Round
    result: Result
    stack: LocalStack
    storage: Proxy
    faults: Faults
    events: Events
    simulator: Simulator
    stored: EndState
    #: The twin, unless its end is known.
    twin: Work | None
    end: End
    tenant: Work

    @property
    def locations(self) -> Sequence[str]:
        return LOCATIONS[:1] if self.plan.full else LOCATIONS

    async def run(self) -> None:
        """Work, and compare."""
        self.events.users = self.plan.recipients
        known = await found_directory(self.simulator, self.plan.recipients)
        known = {**known, "login": self.stack.info["login"], "graph": self.stack.info["graph"]}
        for work in self._works:
            await work.onboard(known, full=self.plan.full)
        for number, step in enumerate(self.plan.steps):
            if step.version > 1:
                await change_directory(self.simulator, self.plan.recipients)
            await self._step(number, step)
        await self._quiet()
        await self._compare()

    async def _step(self, number: int, step: Step) -> None:
        """Let the twin and then the tenant work."""
        if self.twin is not None:
            before, self.storage.tenant = self.storage.writes, TWIN
            await _work(self.twin, step)
            self.end.writes.append(self.storage.writes - before)
        share = 0 if step.event is Event.FULL_DISK else self.faults.random.uniform(_FROM, _TO)
        after, self.storage.tenant = share * self.end.writes[number], TENANT
        async with self.events.during(step.event):
            self.storage.on = True
            try:
                await self._disturbed(step, self.storage.writes + after)
            finally:
                self.storage.on = False

    async def _disturbed(self, step: Step, writes: float) -> None:
        """Let the tenant work, and the step's event happen after this number of writes."""
        begun = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            working = group.create_task(_work(self.tenant, step))
            happening = group.create_task(self._happen(step.event, writes, begun, working))
            await working
            if not begun.is_set():
                happening.cancel()
                self.result.missed += 1

    async def _happen(self, event: Event, writes: float, begun: asyncio.Event, working: asyncio.Task[None]) -> None:
        """Let an event happen, and measure how long the tenant waits for the next write, if there is one."""
        while self.storage.writes < writes:  # noqa: ASYNC110 - an event for each write would cost more
            await asyncio.sleep(0.01)
        begun.set()
        await self.events.happen(event)
        while self.storage.written_s < self.events.killed_s:
            if working.done():
                return
            await asyncio.sleep(0.05)
        waited_s = round(self.storage.written_s - self.events.killed_s, 1)
        known = self.result.recovery_s
        known[event.value] = max(waited_s, known.get(event.value, 0.0))
        if waited_s > (longest_s := waits.longest_s(self.plan.factor)):
            self.result.differences.append(f"no write for {waited_s} s after: {event}; {longest_s:g} s are the longest")

    async def _quiet(self) -> None:
        """Wait until all work has ended, at most as long as a message or the watchdog may need."""
        await self.storage.settle()
        until_s = monotonic() + _WAITS * waits.longest_s(self.plan.factor)
        while await self._open() and monotonic() < until_s:  # noqa: ASYNC110 - looks into the storage
            await asyncio.sleep(1)

    async def _open(self) -> list[str]:
        return [what for work in self._works for what in await self.stored.open_work(work.tenant)]

    async def _compare(self) -> None:
        if self.twin is not None:
            self.end.rows = await self.stored.recipients(TWIN, self.locations)
            self.end.staged = await self.stored.staged(TWIN)
        rows = await self.stored.recipients(TENANT, self.locations)
        self.result.differences += recipient_differences(rows, self.end.rows)
        self.result.differences += staged_differences(await self.stored.staged(TENANT), self.end.staged)
        self.result.differences += await self._open()
        for work in self._works:
            self.result.differences += await self.stored.history_differences(work.tenant, self.locations)

    @property
    def _works(self) -> Sequence[Work]:
        return (self.tenant,) if self.twin is None else (self.twin, self.tenant)


async def _work(work: Work, step: Step) -> None:
    """Do what a step says, all at the same time."""
    async with asyncio.TaskGroup() as group:
        if "sync" in step.does:
            group.create_task(work.sync())
        if "import" in step.does:
            group.create_task(work.import_file(step.version))


async def run(plan: Round, seed: int, folder: Path, twins: Twins) -> Result:
    """Run a round on fresh storage in a folder, and return what it showed. It adds its twin if none has its work.

    Raises:
        TimeoutError: It took longer than its bound.
    """
    began_s = monotonic()
    result = Result.of(plan)
    bound_s = _FIXED_S + _PER_RECIPIENT_S * plan.recipients + _WAITS * waits.longest_s(plan.factor)
    faults = Faults(f"{seed}:{plan.number}", plan.rate)
    work = (plan.recipients, plan.full, *((step.does, step.version) for step in plan.steps))
    async with asyncio.timeout(bound_s), _running(plan, result, faults, folder, twins.get(work)) as running:
        await running.run()
        twins[work] = running.end
    result.faults = {fault.value: count for fault, count in sorted(faults.counts.items()) if count}
    result.events = {event.value: count for event, count in sorted(running.events.counts.items())}
    result.repeated = running.tenant.repeated
    result.seconds = round(monotonic() - began_s, 1)
    return result


@asynccontextmanager
async def _running(
    plan: Round, result: Result, faults: Faults, folder: Path, known: End | None
) -> AsyncIterator[_Running]:
    ports, certificates = Ports.free(), ensure_certificates(folder / "tls")
    front = Azurite(**dict(zip(("blob_port", "queue_port", "table_port"), free_ports(3), strict=True)))
    services = {
        front.blob_port: (Service.BLOB, ports.blob),
        front.queue_port: (Service.QUEUE, ports.queue),
        front.table_port: (Service.TABLE, ports.table),
    }
    storage = Proxy(services, faults)
    vault_port = free_ports(1)[0]
    vault = Proxy({vault_port: (Service.VAULT, ports.key_vault)}, faults, certificates=certificates)
    environment = {
        **waits.settings(plan.factor),
        "AzureWebJobsStorage": front.connection_string,
        "KEY_VAULT_URL": f"https://{LOCALHOST}:{vault_port}",
    }
    stack = LocalStack(
        directory=folder,
        ports=ports,
        scale=_SCALE,
        environment=environment,
        host="groups",
        persistent=plan.on_disk,
        indexed=True,
    )
    await storage.up()
    await vault.up()
    try:
        async with (
            stack,
            PatientApi(stack.info, [stack.info["api"]]) as api,
            Simulator(stack.info) as simulator,
            end_state(stack.info["connection_string"]) as stored,
        ):
            yield _Running(
                plan=plan,
                result=result,
                stack=stack,
                storage=storage,
                faults=faults,
                events=Events(stack, (storage, vault), faults, api, factor=plan.factor),
                simulator=simulator,
                stored=stored,
                twin=Work(TWIN, api, plan.recipients) if known is None else None,
                end=known or End(),
                tenant=Work(TENANT, api, plan.recipients),
            )
    finally:
        await vault.down()
        await storage.down()
