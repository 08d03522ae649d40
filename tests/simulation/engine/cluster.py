"""A deployment whose actors share one storage account, one vault and the directories of two tenants."""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextvars import ContextVar
from itertools import count
from typing import Any, Final, TypeVar

from shared.adapters.stores import Tables
from shared.adapters.stores import imports as stored_imports
from shared.adapters.tables import versions
from shared.bootstrap import App, Ports
from shared.domain.directory import Assignment
from shared.domain.ids import ObjectId, TenantId
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.triggers import queues
from tests.simulation.engine.directory import PagedDirectory
from tests.simulation.engine.loop import VirtualLoop
from tests.simulation.engine.requests import SSO
from tests.simulation.engine.scheduler import Actor, Scheduler
from tests.simulation.engine.services import (
    Broker,
    SharedIds,
    SharedTables,
    SimulatedQueue,
    SimulatedSecrets,
    SimulatedStorageClock,
    SimulatedTables,
    sessions_of,
)
from tests.support.builders import person, user
from tests.support.fakes import (
    FakeDirectories,
    FakeSecretStore,
    entra_providers,
    fake_ports,
)
from tests.support.fakes.on_tables import ports_on
from tests.support.world import SETTINGS, World

T = TypeVar("T")

CONTOSO, FABRIKAM = TenantId("contoso"), TenantId("fabrikam")
TENANTS: Final = (CONTOSO, FABRIKAM)
#: How tenants begin: with the whole directory, and with two groups.
MODES: Final = {CONTOSO: Mode.FULL, FABRIKAM: Mode.GROUPS}
LOCATIONS: Final = ("berlin", "munich", "paris")
GROUPS: Final = tuple(ObjectId(f"00000000-0000-4000-a000-{number:012d}") for number in range(2))
PEOPLE: Final = 8
#: The guard holds only the loss of all: its other limits have tests of their own.
LENIENT: Final = GuardLimits(max_share=1, max_people=1_000_000, small_max_share=1)

#: The loop of what runs outside a history.
_loop: Final = VirtualLoop(lambda: False)
#: The app of the process in which a coroutine runs.
_current: ContextVar[App] = ContextVar("current app")


def preferences(mode: Mode) -> Preferences:
    """Return the preferences with which tenants begin."""
    return Preferences(mode=mode, guard=LENIENT)


def mapping_of(mode: Mode) -> Mapping[str, Sequence[ObjectId]]:
    """Return the groups of the locations with which tenants begin."""
    if mode is Mode.FULL:
        return {location: [] for location in LOCATIONS}
    return {"berlin": [GROUPS[0]], "munich": list(GROUPS), "paris": [GROUPS[1]]}


def ran(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns that waits for nothing."""
    outside = asyncio._get_running_loop() is None
    if outside:
        asyncio._set_running_loop(_loop)
    try:
        coroutine.send(None)
    except StopIteration as stopped:
        return stopped.value  # type: ignore[no-any-return] # its type is the coroutine's
    finally:
        if outside:
            asyncio._set_running_loop(None)
    raise AssertionError("it waits")


def listed(items: AsyncIterator[T]) -> list[T]:
    """Return what an iterator yields that waits for nothing."""

    async def collected() -> list[T]:
        return [item async for item in items]

    return ran(collected())


class Cluster:
    """What the actors share, and the actors' apps."""

    #: The tenant whose message a coroutine works on; None for callers and timers.
    working_for: ContextVar[str | None] = ContextVar("working for", default=None)
    #: How many lives of each tenant had ended when a coroutine began; None if it does not work for an actor.
    began_in: ContextVar[Counter[str] | None] = ContextVar("began in", default=None)

    def __init__(self, scheduler: Scheduler, tenants: Sequence[TenantId]) -> None:
        queues.app = _current.get  # type: ignore[attr-defined,assignment] # each process has its own
        self.scheduler = scheduler
        self.tables = SharedTables()
        self.broker = Broker()
        #: How often each tenant was deleted.
        self.lives = Counter[str]()
        self.vault = FakeSecretStore()
        self.directories = FakeDirectories()
        #: The tenants that it begins with.
        self.tenants = tenants
        self._directories = {tenant: PagedDirectory() for tenant in tenants}
        self._numbers = count(1)
        #: Those of the app that processes begin with.
        self.settings = SETTINGS
        vars(stored_imports)["token_hex"] = vars(versions)["token_hex"] = self._hex  # a seed repeats its history
        #: Looks without being an actor: its calls are no effects.
        self.view = self._ports(self.tables, Actor("view", scheduler))
        self.view = dataclasses.replace(self.view, secrets=self.vault, providers=entra_providers(self.directories))

    def begin(self) -> None:
        """Create the tenants: one with its whole directory, and one with two groups; both with three locations."""
        world = World(
            dataclasses.replace(
                fake_ports(),
                **{
                    name: getattr(self.view, name)
                    for name in (
                        "tenants",
                        "connections",
                        "settings",
                        "sync_states",
                        "runs",
                        "recipients",
                        "secrets",
                        "providers",
                    )
                },
            )
        )
        for tenant, directory in self._directories.items():
            mode = MODES[tenant]
            directory.azure_tenant_id = f"00000000-0000-4000-9000-{len(self.directories.by_azure_tenant):012d}"
            self.directories.add(directory)
            directory.put(*(user(number) for number in range(PEOPLE)))
            directory.members = {
                GROUPS[0]: [person(number) for number in range(5)],
                GROUPS[1]: [person(number) for number in range(3, PEOPLE)],
            }
            directory.assigned[SSO.client_id] = [
                Assignment(principal_id=person(1), group=False),
                Assignment(principal_id=GROUPS[1], group=True),
            ]
            mapping = dict(mapping_of(mode))
            ran(world.connected(tenant, directory.credentials, preferences(mode), mapping, directory.object_id))
            ran(self.view.settings.put_sso(tenant, SSO))

    def _hex(self, size: int | None = None) -> str:
        """Return a number that no other call returns."""
        return f"{next(self._numbers):0{2 * (size or 1)}x}"

    def directory(self, tenant: TenantId) -> PagedDirectory:
        """Return a tenant's directory."""
        return self._directories[tenant]

    def app_of(self, actor: Actor) -> App:
        """Return the app of a new process."""
        return App(self._ports(SimulatedTables(self.tables, actor), actor), self.settings)

    def enter(self, app: App) -> None:
        """Let the rest of this coroutine run in the process of an app. It begins now."""
        _current.set(app)
        self.began_in.set(self.lives.copy())

    def _ports(self, tables: Tables, actor: Actor) -> Ports:
        return dataclasses.replace(
            ports_on(tables),
            queue=SimulatedQueue(self.broker, actor),
            secrets=SimulatedSecrets(self.vault, actor),
            providers=entra_providers(sessions_of(self.directories, actor), clock=actor),
            clock=actor,
            storage_clock=SimulatedStorageClock(actor),
            ids=SharedIds(self._numbers, actor),
        )
