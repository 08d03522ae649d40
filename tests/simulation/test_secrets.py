"""Secrets over renewals, runs, restarts and deletions: what the vault has, and what it never gives back."""

from contextlib import suppress
from datetime import timedelta
from itertools import count

import pytest

from shared.bootstrap import App
from shared.domain.connections.connection import Connection, SecretReference, SsoApplication, first_entry_name
from shared.domain.connections.entra.credential_form import CredentialForm
from shared.domain.connections.secret_entry import DISABLED_AFTER, KEPT_FOR, SETTLED_AFTER
from shared.domain.ids import ObjectId, TenantId
from shared.domain.run import RunState
from shared.errors import NotFound
from shared.telemetry import RequestCounters
from shared.workflows.tenants import deletion
from tests.simulation.worlds import groups_world
from tests.support.builders import BACK_END, person
from tests.support.fakes import FakeSecretStore
from tests.support.world import Crash, Fuse, World, deliver

FABRIKAM = TenantId("fabrikam")
SECOND = "the-second-secret"


async def connected_world() -> World:
    """Return a world whose tenant can renew its secret, and has synced."""
    world = await groups_world()
    await world.ports.settings.put_sso(FABRIKAM, SsoApplication(client_id=ObjectId(person(50))))
    await world.sync("fabrikam", "first")
    return world


async def renew(world: World, app: App | None = None) -> None:
    """Let the customer create a new secret, and an admin enter it."""
    directory = world.directory()
    directory.secret = SECOND
    form = CredentialForm(
        tenant_id=directory.azure_tenant_id,
        client_id=directory.client_id,
        object_id=directory.object_id,
        client_secret=SECOND,
    )
    await (app or world.app).connect.connect(FABRIKAM, form, BACK_END)


def vault(world: World) -> FakeSecretStore:
    """Return the vault."""
    assert isinstance(world.ports.secrets, FakeSecretStore)
    return world.ports.secrets


def names(world: World) -> list[str]:
    """Return the names of the tenant's entries in the vault."""
    return [name for name in vault(world).names() if "fabrikam" in name]


async def connection_of(world: World) -> Connection:
    """Return the tenant's connection."""
    connection = await world.ports.connections.find(FABRIKAM)
    assert connection is not None
    return connection


async def reference(world: World) -> SecretReference:
    """Return which entry the connection refers to."""
    secrets = (await connection_of(world)).secrets
    assert secrets is not None
    return secrets


async def look(world: World, after: timedelta = timedelta(0)) -> None:
    """Let time pass, and the watchdog look."""
    world.clock.advance(after.total_seconds())
    await world.app.watchdog(RequestCounters())
    await world.drain()


async def is_readable(world: World, secret: SecretReference) -> bool:
    """Return whether the vault gives a secret back."""
    try:
        await vault(world).get(secret.name, secret.version)
    except NotFound:
        return False
    return True


async def test_the_old_secret_is_disabled_after_a_run_has_succeeded_with_the_new_one() -> None:
    """Not before, and deleted a week later. The tenant syncs on."""
    world = await connected_world()
    old = await reference(world)
    await renew(world)
    new = await reference(world)
    assert old.name != new.name
    await look(world)
    assert await is_readable(world, old)
    assert (await world.sync("fabrikam", "second")).state is RunState.DONE
    await look(world)
    assert (await is_readable(world, old), await is_readable(world, new)) == (False, True)
    assert names(world) == sorted([old.name, new.name])
    await look(world, KEPT_FOR)
    assert names(world) == [new.name]
    assert (await world.sync("fabrikam", "third")).state is RunState.DONE
    assert [entry async for entry in world.ports.connections.list_secret_entries()] == []


async def test_the_old_secret_is_disabled_after_a_day_without_a_run() -> None:
    """The new one was validated; nothing needs the old one any longer."""
    world = await connected_world()
    old = await reference(world)
    await renew(world)
    await look(world, DISABLED_AFTER - timedelta(minutes=1))
    assert await is_readable(world, old)
    await look(world, timedelta(minutes=1))
    assert not await is_readable(world, old)


async def test_a_run_that_meets_a_disabled_secret_reads_the_connection_again() -> None:
    """Its job had read the connection before the secret was replaced, and goes on without a wait."""
    world = await connected_world()
    await world.request("fabrikam", "second")
    await deliver(world.app, world.queue.messages.pop(0))
    old = await connection_of(world)
    await renew(world)
    assert old.secrets is not None
    await vault(world).disable(old.secrets.name)
    async with world.app.access._opened(FABRIKAM, old) as directory:
        assert directory is not None
    await world.drain()
    assert (await world.newest("fabrikam")).state is RunState.DONE
    assert [entry async for entry in world.ports.operator_log.list_entries()] == []


async def test_a_disabled_secret_that_was_not_replaced_needs_attention() -> None:
    """An operator has disabled it: the connection is read again once, and the admin is told."""
    world = await connected_world()
    await vault(world).disable((await reference(world)).name)
    run = await world.sync("fabrikam", "second")
    assert (run.state, [problem.code for problem in run.problems][:1]) == (RunState.FAILED, ["secret_not_found"])


async def test_a_name_of_an_earlier_version_keeps_working_until_it_is_renewed() -> None:
    """Its entry is replaced by one with a name of its own, and then removed like any other."""
    world = await connected_world()
    old = await reference(world)
    earlier = first_entry_name(FABRIKAM)
    value = await vault(world).get(old.name, old.version)
    version = await vault(world).put(earlier, value)
    stored = await connection_of(world)
    legacy = Connection(
        settings=stored.settings,
        secrets=SecretReference(name=earlier, version=version),
        connected_at=stored.connected_at,
    )
    await world.ports.connections.put(FABRIKAM, legacy)
    assert (await world.sync("fabrikam", "second")).state is RunState.DONE
    await renew(world)
    assert (await world.sync("fabrikam", "third")).state is RunState.DONE
    await look(world)
    assert not await is_readable(world, SecretReference(name=earlier, version=version))
    await look(world, KEPT_FOR)
    assert earlier not in names(world)


async def test_a_deleted_tenant_gets_nothing_back() -> None:
    """Deleted and created again, it is connected under another name; the old one stays deleted."""
    world = await connected_world()
    old = await reference(world)
    await world.app.tenants.delete(FABRIKAM)
    assert not await is_readable(world, old)
    await look(world, deletion.SETTLED_AFTER)
    await world.app.tenants.put(FABRIKAM, "Another customer")
    await world.ports.settings.put_sso(FABRIKAM, SsoApplication(client_id=ObjectId(person(50))))
    await renew(world)
    assert (await reference(world)).name != old.name
    await look(world, SETTLED_AFTER)
    assert await is_readable(world, await reference(world))


@pytest.mark.parametrize("after", [False, True])
async def test_a_renewal_that_dies_anywhere_leaves_one_secret_that_works(*, after: bool) -> None:
    """At every call to tables or vault, before or after its effect: the rest is removed, and nothing that is used."""
    for calls in count():
        world = await connected_world()
        fuse = Fuse(calls, after=after)
        with suppress(Crash):
            await renew(world, world.fragile(fuse))
        await look(world, SETTLED_AFTER)
        used = await reference(world)
        if SECOND not in await vault(world).get(used.name, used.version):
            await renew(world)  # the admin, who saw an error, repeats it
            used = await reference(world)
        assert (await world.sync("fabrikam", "second")).state is RunState.DONE
        await look(world)
        await look(world, KEPT_FOR)
        assert names(world) == [used.name], calls
        if not fuse.blown:
            return
    raise AssertionError("it never ends")


@pytest.mark.parametrize("after", [False, True])
async def test_a_disconnection_that_dies_anywhere_leaves_no_secret(*, after: bool) -> None:
    """What is left is removed by the watchdog, also if no admin repeats it."""
    for calls in count():
        world = await connected_world()
        fuse = Fuse(calls, after=after)
        with suppress(Crash):
            await world.fragile(fuse).connect.disconnect(FABRIKAM)
        await look(world, SETTLED_AFTER)
        if await world.ports.connections.find(FABRIKAM) is None:
            assert names(world) == [], calls
        else:
            assert await is_readable(world, await reference(world)), calls
        if not fuse.blown:
            return
    raise AssertionError("it never ends")
