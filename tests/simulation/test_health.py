"""The health of a connection over runs, schedules, refusals and new secrets."""

import contextlib
from datetime import timedelta

import msgspec
import pytest

from shared.domain.connections.connection import SsoApplication
from shared.domain.connections.connection_health import BACK_OFF, CONFIRMED_AFTER, Health, HealthState
from shared.domain.connections.entra.credential_form import CredentialForm
from shared.domain.directory import Source
from shared.domain.ids import ObjectId, TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.retry_policy import LOGIN_REFUSED
from shared.domain.run import RunMode, RunState
from shared.domain.sync.jobs import FetchJob, SyncRequest
from shared.errors import LoginRefused, NeedsAttention, Transient
from shared.workflows.connections.connect import ConnectionRefused
from tests.simulation.worlds import TEMPS, full_world, groups_world
from tests.support.builders import BACK_END, person
from tests.support.fakes import FakeDirectory, FakeSecretStore, directories_of
from tests.support.world import World, deliver

CONTOSO, FABRIKAM = TenantId("contoso"), TenantId("fabrikam")
USERS = Source().id
SSO = SsoApplication(client_id=ObjectId(person(50)))
SECRET_2 = "the-second-secret"


async def health(world: World, tenant: TenantId = CONTOSO) -> Health:
    """Return how the tenant's connection fares."""
    return (await world.ports.connections.get_health(tenant)).value


async def events(world: World) -> list[str]:
    """Return what was told to the operator, oldest first."""
    entries: list[OperatorLogEntry] = [entry async for entry in world.ports.operator_log.list_entries()]
    return [f"{entry.code} {entry.body}".strip() for entry in reversed(entries) if entry.queue == "connection"]


def logins(world: World) -> int:
    """Return how often somebody has signed in, or tried to."""
    return directories_of(world.ports).logins


def entries_of(directory: FakeDirectory, secret: str) -> CredentialForm:
    """Return what an admin enters."""
    return CredentialForm(
        tenant_id=directory.azure_tenant_id,
        client_id=directory.client_id,
        object_id=directory.object_id,
        client_secret=secret,
    )


async def tick(world: World) -> list[TenantId]:
    """Let the schedule fire, and return whom it asks for."""
    world.clock.advance(60)
    await world.app.schedule(world.clock.now())
    asked = [message.tenant for message in world.queue.messages if isinstance(message, SyncRequest)]
    world.queue.messages.clear()
    return asked


def answering(world: World, monkeypatch: pytest.MonkeyPatch, *refused: bool) -> None:
    """Let the login service refuse or accept the next sign-ins in this order, and accept all later ones."""
    directories, waiting = directories_of(world.ports), list(refused)

    def refusal(_: object) -> LoginRefused | None:
        refuse = waiting.pop(0) if waiting else False
        return LoginRefused("Invalid client secret provided.", code="AADSTS7000215") if refuse else None

    monkeypatch.setattr(directories, "_refusal", refusal)


async def test_one_refusal_among_good_answers_has_no_consequence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run asks again after five minutes, reads everything, and sends no event."""
    world = await groups_world()
    answering(world, monkeypatch, False, True)
    run = await world.sync("fabrikam", "first")
    assert (run.state, run.problems, world.queue.last_delay_s) == (RunState.DONE, (), 0)
    assert await health(world, FABRIKAM) == Health()
    assert await events(world) == []


async def test_a_refused_job_asks_again_after_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a message of its own, which is not a failed delivery; the schedule goes on and does not back off."""
    world = await full_world()
    answering(world, monkeypatch, True)
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    await deliver(world.app, world.queue.messages.pop(0))
    assert world.queue.last_delay_s == CONFIRMED_AFTER.total_seconds() == LOGIN_REFUSED.first_wait_s
    suspected = await health(world)
    assert (suspected.state, suspected.suspected_at) == (HealthState.ON, world.clock.now())
    (again,) = world.queue.messages
    assert isinstance(again, FetchJob)
    assert again.login_refused_at == suspected.suspected_at
    await world.drain()
    assert (await world.newest("contoso")).state is RunState.DONE
    assert await health(world) == Health()


async def test_a_refusal_does_not_outweigh_what_was_read_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused twice while the other sources were read: the source fails, the schedule goes on."""
    world = await groups_world()
    answering(world, monkeypatch, True, False, False, True)
    run = await world.sync("fabrikam", "first")
    assert [problem.code for problem in run.problems] == ["AADSTS7000215"]
    assert (await health(world, FABRIKAM)).state is HealthState.ON
    assert await events(world) == []
    assert await tick(world) == [FABRIKAM]


async def test_an_existence_check_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal there does not keep the departures of the run."""
    world = await full_world()
    await world.sync("contoso", "first")
    world.directory().remove(person(3))
    answering(world, monkeypatch, False, True)
    run = await world.sync("contoso", "second", RunMode.FULL)
    assert (run.state, run.counts.deactivated, run.problems) == (RunState.DONE, 2, ())
    assert await health(world) == Health()


async def test_a_refusal_long_after_the_first_confirms_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also from a read outside a run; a success in between clears the doubt."""
    world = await full_world()
    for accepted_between, state in ((True, HealthState.ON), (False, HealthState.NEEDS_ATTENTION)):
        answering(world, monkeypatch, True, *([False] if accepted_between else []), True)
        for _ in range(2 + accepted_between):
            with contextlib.suppress(NeedsAttention):
                await world.app.show_mapping.find_groups(CONTOSO, "")
            world.clock.advance(CONFIRMED_AFTER.total_seconds())
        assert (await health(world)).state is state
        if accepted_between:
            await world.app.show_mapping.find_groups(CONTOSO, "")
    await world.app.show_mapping.find_groups(CONTOSO, "")
    assert await health(world) == Health()


async def test_a_secret_past_its_end_needs_no_second_refusal() -> None:
    """The schedule stops immediately."""
    world = await full_world()
    connection = await world.ports.connections.find(CONTOSO)
    assert connection is not None
    expired = msgspec.structs.replace(connection, secret_expires_on=world.clock.now() - timedelta(days=1))
    await world.ports.connections.put(CONTOSO, expired)
    world.directory().secret = "another"
    asked_before = logins(world)
    await world.sync("contoso", "first")
    assert logins(world) - asked_before == 1
    assert (await health(world)).state is HealthState.NEEDS_ATTENTION


async def test_a_refusal_of_another_kind_backs_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenant that is not found, a policy: the schedule tries again by itself, and a success clears the state."""
    world = await full_world()
    directories = directories_of(world.ports)
    error = LoginRefused("Blocked.", code="AADSTS53003", blames_credentials=False)
    with monkeypatch.context() as patched:
        patched.setattr(directories, "_refusal", lambda _: error)
        await world.sync("contoso", "first")
    state = await health(world)
    assert (state.state, state.retry_at) == (HealthState.FAILING, world.clock.now() + BACK_OFF[0])
    world.clock.advance(BACK_OFF[0].total_seconds())
    assert await tick(world) == [CONTOSO]
    await world.sync("contoso", "second")
    assert (await health(world)).state is HealthState.ON


async def test_refused_twice_nobody_asks_again() -> None:
    """Sources of the run that come after it fail unasked, the schedule leaves the tenant alone, and nobody is hurt.

    A person sees state, reason, since when and what to do.
    """
    world = await groups_world()
    await world.sync("fabrikam", "first")
    before = await world.everything("fabrikam")
    world.directory().secret = "another"
    asked_before = logins(world)
    run = await world.sync("fabrikam", "second")
    assert (run.state, {problem.code for problem in run.problems}) == (RunState.FAILED, {"AADSTS7000215"})
    assert logins(world) - asked_before == 4  # three sources, and the first of them again
    assert await world.everything("fabrikam") == before
    now = await health(world, FABRIKAM)
    assert (now.state, now.since is not None) == (HealthState.NEEDS_ATTENTION, True)
    assert now.reason is not None
    assert "Create a new client secret" in now.reason.fix
    for _ in range(3):
        world.clock.advance(86_400)
        assert await tick(world) == []
    assert await events(world) == ["connection_needs_attention AADSTS7000215"]


async def test_a_run_by_hand_asks_once_more_and_clears_the_state() -> None:
    """Once the customer has mended it on their side, success is all it takes."""
    world = await full_world()
    world.directory().secret, right = "another", world.directory().secret
    await world.sync("contoso", "first")
    await world.sync("contoso", "still refused")
    assert (await health(world)).state is HealthState.NEEDS_ATTENTION
    world.directory().secret = right
    assert (await world.sync("contoso", "by hand")).state is RunState.DONE
    assert (await health(world)).state is HealthState.ON
    assert await tick(world) == [CONTOSO]
    assert await events(world) == ["connection_needs_attention AADSTS7000215", "connection_recovered"]


async def test_other_failures_back_off() -> None:
    """6 h, 12 h, 24 h; a new reason is news, the same one is not; one success ends it."""
    world = await full_world()
    for number, (code, hours) in enumerate((("graph_failing", 6), ("graph_failing", 12), ("throttled", 24))):
        world.directory().broken[USERS] = (0, Transient("It fails.", code=code))
        world.clock.advance(60)
        await world.request("contoso", f"run-{number}")
        await deliver(world.app, world.queue.messages.pop(0))
        await deliver(world.app, world.queue.messages.pop(0), last_delivery=True)
        await world.drain()
        state = await health(world)
        assert (state.state, state.retry_at) == (HealthState.FAILING, world.clock.now() + timedelta(hours=hours))
        world.clock.advance(hours * 3_600 - 120)
        assert await tick(world) == []
        world.clock.advance(60)
        assert await tick(world) == [CONTOSO]
    assert (await world.sync("contoso", "good")).state is RunState.DONE
    assert (await health(world)).state is HealthState.ON
    assert await events(world) == [
        "connection_failing graph_failing",
        "connection_failing throttled",
        "connection_recovered",
    ]


async def test_a_source_that_cannot_be_read_is_no_failure_of_the_connection() -> None:
    """What the other groups gave shows that it works."""
    world = await groups_world()
    world.directory().members.pop(TEMPS)
    run = await world.sync("fabrikam", "first")
    assert run.problems
    assert (await health(world, FABRIKAM)).state is HealthState.ON


async def test_an_event_that_could_not_be_sent_is_sent_by_the_schedule() -> None:
    """A crash between noticing and telling loses nothing, and tells nobody twice."""
    world = await full_world()
    world.directory().secret = "another"
    await world.sync("contoso", "first")
    told = await health(world)
    (entry,) = [entry async for entry in world.ports.operator_log.list_entries() if entry.queue == "connection"]
    notices = Health().refused(told.reason, entry.at).notices if told.reason else ()
    untold = msgspec.structs.replace(told, notices=notices)
    await world.ports.connections.replace_health(
        CONTOSO, untold, (await world.ports.connections.get_health(CONTOSO)).etag
    )
    await tick(world)
    assert await events(world) == ["connection_needs_attention AADSTS7000215"]
    assert (await health(world)).notices == ()


async def test_the_end_of_a_secret_is_announced_by_the_schedule() -> None:
    """30, 14, 7 and 1 days ahead, each once, however often the schedule fires."""
    world = await full_world()
    connection = await world.ports.connections.find(CONTOSO)
    assert connection is not None
    ends = world.clock.now() + timedelta(days=31)
    await world.ports.connections.put(CONTOSO, msgspec.structs.replace(connection, secret_expires_on=ends))
    days = []
    for _ in range(32 * 4):
        world.clock.advance(6 * 3_600 - 60)
        await tick(world)
        days.append((await health(world)).warned_days)
    assert list(dict.fromkeys(days)) == [None, 30, 14, 7, 1]
    assert await events(world) == ["secret_expiring"] * 4


async def test_a_new_secret_is_used_from_the_next_request_on() -> None:
    """Replaced in the middle of a run: the run goes on with the new one, and is not superseded."""
    world = await groups_world()
    await world.request("fabrikam", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    jobs = [message for message in world.queue.messages if isinstance(message, FetchJob)]
    assert len(jobs) == 3
    await deliver(world.app, world.queue.messages.pop(0))
    await replace_secret(world)
    await world.drain()
    run = await world.newest("fabrikam")
    assert (run.state, run.problems) == (RunState.DONE, ())
    assert [entry async for entry in world.ports.operator_log.list_entries()] == []


async def replace_secret(world: World) -> None:
    """Let the customer create a second secret and enter it, and delete the first one afterwards."""
    directory = world.directory()
    await world.ports.settings.put_sso(FABRIKAM, SSO)
    directory.secret = SECRET_2
    await world.app.connect.connect(FABRIKAM, entries_of(directory, SECRET_2), BACK_END)


async def test_a_job_that_held_the_old_secret_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused with a secret that was replaced meanwhile: nobody is alarmed, and the next delivery uses the new one."""
    world = await groups_world()
    await world.request("fabrikam", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    job = world.queue.messages.pop(0)
    secrets = world.ports.secrets
    assert isinstance(secrets, FakeSecretStore)
    get = secrets.get

    async def slow(name: str, version: str) -> str:
        """Read the old secret; before it is used, it is replaced."""
        old = await get(name, version)
        monkeypatch.setattr(secrets, "get", get)
        await replace_secret(world)
        return old

    monkeypatch.setattr(secrets, "get", slow)
    await deliver(world.app, job)
    assert (world.queue.messages[-1], world.queue.last_delay_s) == (job, 1)
    assert (await health(world, FABRIKAM)).state is HealthState.ON
    await world.drain()
    assert (await world.newest("fabrikam")).state is RunState.DONE


async def test_a_failing_new_secret_leaves_the_old_one_working() -> None:
    """It is refused with its report; nothing was stored, and the next run goes on as before."""
    world = await groups_world()
    await world.ports.settings.put_sso(FABRIKAM, SSO)
    before = await world.ports.connections.find(FABRIKAM)
    with pytest.raises(ConnectionRefused) as refused:
        await world.app.connect.connect(FABRIKAM, entries_of(world.directory(), "no such secret"), BACK_END)
    assert [check.id for check in refused.value.report.failures()] == ["secret"]
    assert await world.ports.connections.find(FABRIKAM) == before
    assert (await world.sync("fabrikam", "first")).state is RunState.DONE
    assert (await health(world, FABRIKAM)).state is HealthState.ON


async def test_another_directory_ends_what_runs() -> None:
    """Other ids are not a new secret: what was planned for the old ones writes nothing more."""
    world = await full_world()
    await world.ports.settings.put_sso(CONTOSO, SSO)
    await world.request("contoso", "first")
    await deliver(world.app, world.queue.messages.pop(0))
    other = FakeDirectory()
    other.put(*world.directory().people.values())
    directories_of(world.ports).add(other)
    old_jobs = list(world.queue.messages)
    world.clock.advance(60)
    await world.app.connect.connect(CONTOSO, entries_of(other, other.secret), BACK_END)
    for message in old_jobs:
        await deliver(world.app, message)
    assert await world.everything("contoso") == {"berlin": [], "munich": []}
    await world.drain()
    assert (await world.newest("contoso")).requested_by == "configuration"
    assert len(await world.recipients("contoso", "berlin")) == 30
