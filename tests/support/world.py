"""A whole deployment in memory: the real workflows on fakes, with queues that deliver twice and workers that die."""

import dataclasses
import functools
import inspect
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from shared.bootstrap import App, Ports
from shared.domain.access.tenants import TenantSummary
from shared.domain.connections.entra.credentials import ClientSecret, Credentials
from shared.domain.directory import DirectoryUser
from shared.domain.ids import LocationId, ObjectId, RunId, TenantId
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Recipient
from shared.domain.run import Run, RunMode
from shared.domain.sync.jobs import DeactivateJob, FetchJob, ImportJob, Job, ReconcileJob, SyncRequest
from shared.errors import Conflict, Superseded, Transient
from shared.settings import Settings
from shared.telemetry import RequestCounters, count_requests
from tests.support.fakes import (
    ENDPOINTS,
    FakeClock,
    FakeDirectory,
    FakeJobQueue,
    directories_of,
    entra_connection,
    fake_ports,
    stored_secret,
)

SETTINGS = Settings(
    storage_connection_string=None,
    table_service_url=None,
    queue_service_url=None,
    managed_identity_client_id=None,
    key_vault_url="https://vault.example",
    default_endpoints=ENDPOINTS,
    allowed_endpoints=(),
    sign_in=None,
    watchdog_stale_after_s=900,
    run_deadline_s=6 * 3600,
    job_budget_s=120,
)

#: More messages than any test of this folder needs; beyond it something sends for ever.
_MAX_MESSAGES = 5_000


class Crash(BaseException):
    """The process dies here: nothing catches it, nothing is cleaned up."""


class Fuse:
    """Burns through at one call to the outside, before or after that call's effect."""

    def __init__(self, calls: int, *, after: bool) -> None:
        self.left = calls
        self.after = after
        self.blown = False

    def burn(self, *, after: bool) -> None:
        """Count one moment at which a process can die. Raises: Crash at the chosen one."""
        if after is not self.after or self.blown:
            return
        self.left -= 1
        if self.left < 0:
            self.blown = True
            raise Crash


class Fragile:
    """A port whose every call can be the last thing that the process does."""

    def __init__(self, port: object, fuse: Fuse) -> None:
        self._port = port
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands for any port
        found = getattr(self._port, name)
        if inspect.iscoroutinefunction(found):
            return functools.partial(self._call, found)
        if inspect.isasyncgenfunction(found):
            return functools.partial(self._iterate, found)
        return found

    async def _call(self, method: Callable[..., Awaitable[object]], *args: object, **words: object) -> object:
        self._fuse.burn(after=False)
        answer = await method(*args, **words)
        self._fuse.burn(after=True)
        return answer

    async def _iterate(self, method: Callable[..., AsyncIterator[object]], *args: object, **words: object) -> Any:  # noqa: ANN401
        self._fuse.burn(after=False)
        async for each in method(*args, **words):
            yield each
        self._fuse.burn(after=True)


class World:
    """One deployment with one or more tenants, whose messages a test works off as it likes."""

    def __init__(self, ports: Ports | None = None) -> None:
        self.ports = ports or fake_ports()
        self.app = App(self.ports, SETTINGS)

    @property
    def queue(self) -> FakeJobQueue:
        """The queues."""
        assert isinstance(self.ports.queue, FakeJobQueue)
        return self.ports.queue

    @property
    def clock(self) -> FakeClock:
        """The clock."""
        assert isinstance(self.ports.clock, FakeClock)
        return self.ports.clock

    def directory(self) -> FakeDirectory:
        """Return the directory of the tenant that was created first."""
        return next(iter(directories_of(self.ports).by_azure_tenant.values()))

    async def tenant(
        self,
        name: str,
        users: Sequence[DirectoryUser],
        preferences: Preferences,
        mapping: dict[str, Sequence[ObjectId]],
    ) -> FakeDirectory:
        """Create a connected tenant with a directory of its own, and return the directory."""
        directories = directories_of(self.ports)
        directory = FakeDirectory()
        directory.azure_tenant_id = f"00000000-0000-4000-9000-{len(directories.by_azure_tenant):012d}"
        directory.put(*users)
        directories.add(directory)
        proof = ClientSecret(value=directory.secret)
        credentials = Credentials(
            azure_tenant_id=directory.azure_tenant_id,
            client_id=directory.client_id,
            proof=proof,
            endpoints=SETTINGS.default_endpoints,
        )
        await self.connected(name, credentials, preferences, mapping, directory.object_id)
        return directory

    async def connected(
        self,
        name: str,
        credentials: Credentials,
        preferences: Preferences,
        mapping: dict[str, Sequence[ObjectId]],
        enterprise_application: str = "",
    ) -> None:
        """Create a tenant that reads by these credentials, a client secret among them."""
        tenant = TenantId(name)
        assert isinstance(credentials.proof, ClientSecret)
        await self.ports.tenants.put(TenantSummary(id=tenant, name=name))
        connection = entra_connection(
            credentials.azure_tenant_id,
            credentials.client_id,
            enterprise_application,
            endpoints=credentials.endpoints,
            secrets=await stored_secret(self.ports, name, credentials.proof.value),
            connected_at=self.ports.clock.now(),
        )
        await self.ports.connections.put(tenant, connection)
        await self.ports.settings.put_preferences(tenant, preferences)
        for location, groups in mapping.items():
            await self.ports.settings.put_location(tenant, LocationId(location), location)
            mapped = [GroupMapping(id=group) for group in groups]
            await self.ports.settings.put_mapping(tenant, LocationId(location), mapped)

    async def request(self, tenant: str, request: str, mode: RunMode = RunMode.INCREMENTAL) -> None:
        """Put a request on the queue."""
        wanted = SyncRequest(tenant=TenantId(tenant), mode=mode, request=request, requested_by="queue")
        await self.ports.queue.send([wanted])

    async def drain(self, app: App | None = None, *, times: int = 1, order: random.Random | None = None) -> None:
        """Work off every message, each `times` times, in the order of sending or at random."""
        handled = 0
        while self.queue.messages:
            handled += 1
            assert handled < _MAX_MESSAGES, "the queues never run empty"
            at = order.randrange(len(self.queue.messages)) if order else 0
            message = self.queue.messages.pop(at)
            for _ in range(times):
                await deliver(app or self.app, message)

    async def sync(self, tenant: str, request: str, mode: RunMode = RunMode.INCREMENTAL) -> Run:
        """Ask for a run, work everything off, and return the tenant's newest run."""
        self.clock.advance(60)
        await self.request(tenant, request, mode)
        await self.drain()
        return await self.newest(tenant)

    async def newest(self, tenant: str) -> Run:
        """Return the tenant's newest run."""
        async for run in self.ports.runs.list_runs(TenantId(tenant)):
            return run
        raise AssertionError(f"{tenant} has no run")

    async def run(self, tenant: str, run: RunId) -> Run:
        """Return one run."""
        return (await self.ports.runs.get(TenantId(tenant), run)).value

    async def recipients(self, tenant: str, location: str) -> list[Recipient]:
        """Return a location's recipients in the order of people's object ids; those without one first."""
        found = [
            recipient
            async for recipient in self.ports.recipients.list_recipients(TenantId(tenant), LocationId(location))
        ]
        return sorted(found, key=lambda each: (each.object_id or "", each.id))

    async def everything(self, tenant: str) -> dict[str, list[Recipient]]:
        """Return all recipients of a tenant by location."""
        locations = await self.ports.settings.list_locations(TenantId(tenant))
        return {location.id: await self.recipients(tenant, location.id) for location in locations}

    def fragile(self, fuse: Fuse) -> App:
        """Return workflows whose every call to storage or a queue can be the last thing that the process does."""
        names = (
            "tenants",
            "connections",
            "settings",
            "sync_states",
            "runs",
            "snapshots",
            "recipients",
            "imports",
            "operator_log",
            "queue",
            "secrets",
        )
        weak: dict[str, Any] = {name: Fragile(getattr(self.ports, name), fuse) for name in names}
        return App(dataclasses.replace(self.ports, **weak), SETTINGS)


async def deliver(app: App, message: Job, *, last_delivery: bool = False) -> None:
    """Do what the queue triggers do with one message. Raises: Transient, Conflict as they do."""
    with count_requests() as counters:
        await work_off(app, message, counters, last_delivery=last_delivery)


async def work_off(app: App, message: Job, counters: RequestCounters, *, last_delivery: bool = False) -> None:
    """Do the same, with what it costs counted in `counters`."""
    with suppress(Superseded):
        match message:
            case SyncRequest():
                await app.plan(message, counters)
            case FetchJob():
                await app.fetch(message, counters, last_delivery=last_delivery)
            case ReconcileJob():
                await app.reconcile(message, counters)
            case DeactivateJob():
                await app.deactivate(message, counters)
            case ImportJob():
                await app.apply_import(message, counters)


async def drain_with_retries(world: World, app: App) -> None:
    """Work everything off as a host would: a message that fails comes back, one whose worker dies too."""
    for _ in range(_MAX_MESSAGES):
        if not world.queue.messages:
            return
        message = world.queue.messages.pop(0)
        try:
            await deliver(app, message)
        except (Crash, Transient, Conflict):
            world.queue.messages.append(message)
    raise AssertionError("the queues never run empty")
