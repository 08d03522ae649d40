"""The benchmarks' host runs the product as Azure does: one worker process per scale group."""

from datetime import UTC, datetime

import msgspec
import pytest

from shared.domain.ids import TenantId
from shared.domain.run import RunState
from tests.bench.ailing import Ailing, Ailment
from tests.bench.crowd import Crowd
from tests.bench.customers import connect
from tests.bench.hosted import Hosted, hosted

PEOPLE = 3


async def expire(made: Hosted, tenant: TenantId) -> None:
    """Let the secret of a tenant expire, so that one refusal is enough to end its run."""
    connections = made.world.ports.connections
    connection = await connections.find(tenant)
    assert connection is not None
    await connections.replace(
        tenant, connection, msgspec.structs.replace(connection, secret_expires_on=datetime.now(UTC))
    )


async def scheduled(made: Hosted, directory: Ailing, ailment: Ailment) -> RunState | None:
    """Return how the scheduled run of a tenant with a broken directory ended."""
    tenant = await connect(made.world, ailment.name.lower(), directory)
    await expire(made, tenant)
    directory.ailment = ailment
    made.shown = {tenant}
    made.expect({tenant})
    assert await made.schedule(datetime.now(UTC)) == 1
    await made.all_free()
    return made.ended[tenant]


async def test_each_function_of_a_run_has_a_process_of_its_own() -> None:
    """The workers write the recipients of directories that are in this process, and report the end of the run."""
    async with hosted() as made, made.host.running():
        tenant = await connect(made.world, "contoso", Crowd(PEOPLE))
        assert await made.sync(tenant) > 0
        assert len(await made.world.recipients(tenant, "location-0")) == PEOPLE
        used = {lane.function.scale_group for lane in made.host.lanes.values() if lane.invocations}
        pids = {(await made.host._workers.start(group)).process.pid for group in used}
        assert len(pids) == len(used) > 1
        assert (await made.host.cpu_s()).keys() == {*used, "stand_ins"}


@pytest.mark.parametrize("ailment", [Ailment.REFUSED, Ailment.FORBIDDEN])
async def test_a_broken_directory_fails_in_its_worker(ailment: Ailment) -> None:
    """The schedule sees only the tenants that take part, and their runs end as with a real directory."""
    async with hosted() as made, made.host.running():
        await connect(made.world, "hidden", Crowd(PEOPLE))
        assert await scheduled(made, Ailing(PEOPLE), ailment) is RunState.FAILED
