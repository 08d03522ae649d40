"""Timers run by the clock, once across hosts, and keep their status in the emulator."""

import json
from datetime import UTC, datetime

import pytest
from azure.storage.blob.aio import BlobLeaseClient, BlobServiceClient, ContainerClient

from infra.local.azurite import Azurite
from infra.local.functions_host.leases import CONTAINER, Lease, StatusBlob
from infra.local.functions_host.schedules import NEVER, Schedule, Status
from infra.local.functions_host.timers import TimerListener
from tests.contracts.stand_ins.functions_host.running import Queues, StartHost, until
from tests.support.storage_front import StorageFront

YEARLY = Schedule.parse("0 0 0 1 1 *")
TICK = """
@app.timer_trigger(arg_name="timer", schedule="%WHEN%", use_monitor=True)
async def tick(timer: func.TimerRequest) -> None:
    seen.append(timer)
"""


class Runs:
    """Remembers a timer's runs."""

    def __init__(self) -> None:
        self.past_due: list[bool] = []
        self.statuses: list[Status | None] = []

    async def __call__(self, status: Status | None, is_past_due: bool) -> object:  # noqa: FBT001 (a listener's handler)
        """Run."""
        self.statuses.append(status)
        self.past_due.append(is_past_due)
        return None


class Lock:
    """A lock that can be renewed a number of times."""

    length_s: float = 0.02

    def __init__(self, renewals: int = 1000) -> None:
        self.held = False
        self.renewed = 0
        self._renewals = renewals

    async def acquire(self) -> bool:
        """Succeed."""
        self.held = True
        return True

    async def renew(self) -> bool:
        """Count."""
        self.renewed += 1
        return self.renewed <= self._renewals

    async def release(self) -> None:
        """Give it back."""
        self.held = False


def unexpected(reason: str) -> None:
    """Fail: this host should go on."""
    pytest.fail(reason)


def container(service: BlobServiceClient) -> ContainerClient:
    """The host's container."""
    return service.get_container_client(CONTAINER)


async def test_runs_by_the_clock(start_host: StartHost) -> None:
    """A timer of every second runs, not past due, and without a status because it runs so often."""
    host = await start_host(TICK, environ={"WHEN": "* * * * * *"})
    await until(lambda: len(host.app.seen) >= 2)
    assert host.app.seen[0].past_due is False
    assert host.app.seen[0].schedule_status == {}


async def test_past_due_runs_at_once(start_host: StartHost, queues: Queues, azurite: Azurite) -> None:
    """An occurrence missed while no host ran is caught up once, and the status tells the next."""
    host_id = queues.name("host")
    async with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        blob = StatusBlob(container(service), f"timers/{host_id}/Host.Functions.tick/status")
        last = datetime(datetime.now(UTC).year - 2, 1, 1, tzinfo=UTC)
        await blob.write(Status(last=last, next=YEARLY.after(last), last_updated=last))
        host = await start_host(TICK, environ={"WHEN": "0 0 0 1 1 *", "AzureFunctionsWebHost__hostid": host_id})
        await until(lambda: bool(host.app.seen))
        (timer,) = host.app.seen
        assert timer.past_due is True
        assert timer.schedule_status["Last"] == last.isoformat()

        async def is_stored() -> bool:
            stored = await blob.read()
            return stored is not None and stored.next > datetime.now(UTC)

        await until(is_stored)
        await host.host.stop()
        assert len(host.app.seen) == 1


async def test_new_status_is_stored(queues: Queues, azurite: Azurite) -> None:
    """A timer that never ran stores its next occurrence before it comes, in a container made for it."""
    async with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        own = service.get_container_client(queues.name("hosts"))
        blob, runs = StatusBlob(own, "status"), Runs()
        listener = TimerListener("t", YEARLY, runs, Lease(own, "lock"), blob, unexpected)
        listener.start()

        async def is_stored() -> bool:
            return await blob.read() is not None

        await until(is_stored)
        await listener.stop()
        stored = json.loads(await (await own.get_blob_client("status").download_blob()).readall())
        assert set(stored) == {"Last", "Next", "LastUpdated"}
        assert Status.from_json(json.dumps(stored)).last == NEVER
        assert runs.past_due == []


async def test_one_listener_across_hosts(queues: Queues, azurite: Azurite) -> None:
    """A second host waits for the lease, and has it as soon as the first has stopped."""
    async with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        own = service.get_container_client(queues.name("hosts"))
        first, second = Lease(own, "lock"), Lease(own, "lock")
        assert await first.acquire()
        assert not await second.acquire()
        assert await first.renew()
        await first.release()
        assert await second.acquire()
        assert not await first.renew()
        await second.release()


async def test_run_on_startup(queues: Queues, azurite: Azurite) -> None:
    """A timer that asks for it runs when it starts listening, and that run is not past due."""
    async with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        runs = Runs()
        lock = Lease(container(service), queues.name("lock"))
        listener = TimerListener("t", YEARLY, runs, lock, None, unexpected, run_on_startup=True)
        listener.start()
        await until(lambda: runs.past_due == [False])
        await listener.stop()
        assert runs.statuses == [None]


async def test_broken_lease_is_noticed(queues: Queues, azurite: Azurite) -> None:
    """A lease that another client broke cannot be renewed."""
    async with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        own = service.get_container_client(queues.name("hosts"))
        lease = Lease(own, "lock")
        assert await lease.acquire()
        await BlobLeaseClient(own.get_blob_client("lock")).break_lease(lease_break_period=0)
        assert not await lease.renew()


async def test_leases_of_a_minute(queues: Queues, azurite: Azurite, front: StorageFront) -> None:
    """A timer's lease is requested for 60 s; a listener renews it after half of them."""
    async with BlobServiceClient.from_connection_string(front.address.connection_string) as service:
        lease = Lease(service.get_container_client(queues.name("hosts")), "lock")
        assert await lease.acquire()
        assert front.headers["x-ms-lease-duration"] == "60"
        await lease.release()
    assert lease.length_s == 60


async def test_a_lease_that_cannot_be_renewed_ends_the_host() -> None:
    """It is renewed after each half of its time; when that fails, another host may have it."""
    reasons: list[str] = []
    lock = Lock(renewals=3)
    listener = TimerListener("t", YEARLY, Runs(), lock, None, reasons.append)
    listener.start()
    await until(lambda: bool(reasons))
    await listener.stop()
    assert lock.renewed == 4
    assert reasons == ["the lease of timer t could not be renewed"]


async def test_a_stop_releases_the_lease() -> None:
    """So that another host can run the timer without waiting for its end."""
    lock = Lock()
    listener = TimerListener("t", YEARLY, Runs(), lock, None, unexpected)
    listener.start()
    await until(lambda: lock.held)
    await listener.stop()
    assert not lock.held
