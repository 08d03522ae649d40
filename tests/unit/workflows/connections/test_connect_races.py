"""What happens while credentials are checked, stored or refused, and what is left when somebody dies in between."""

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
import pytest

from shared.bootstrap import App, Ports
from shared.domain.access.callers import Caller
from shared.domain.connections.connection import ConnectionForm, SsoApplication
from shared.domain.connections.connection_health import HealthState, Reason
from shared.domain.connections.entra.connection_settings import settings_of
from shared.domain.connections.entra.credential_form import CredentialForm
from shared.domain.connections.entra.credentials import CredentialKind
from shared.domain.connections.validation_report import Validation
from shared.domain.ids import ObjectId, TenantId
from shared.domain.problem import ErrorCategory
from shared.errors import Conflict, Transient
from shared.telemetry import RequestCounters
from shared.workflows.connections.connect import Connect
from shared.workflows.tenants.deletion import SETTLED_AFTER
from tests.support.builders import BACK_END, person
from tests.support.fakes import FakeClock, FakeSecretStore, directories_of

SSO = SsoApplication(client_id=ObjectId(person(50)))
EXPIRED = Reason(
    category=ErrorCategory.CREDENTIALS,
    code="AADSTS7000222",
    title="Expired",
    detail="Its end has passed.",
    fix="Create a new one.",
)


def meanwhile(app: App, happens: Callable[[], Awaitable[object]]) -> Connect:
    """Return the workflow, with something happening while credentials are checked."""

    async def validate(
        form: ConnectionForm,
        caller: Caller,
        sso_application: str | None,
        *,
        tenant: TenantId | None,
        stored: bool = False,
    ) -> Validation:
        found = await app.validate(form, caller, sso_application, tenant=tenant, stored=stored)
        await happens()
        return found

    return msgspec.structs.replace(app.connect, validate=validate)


def stored_secrets(ports: Ports) -> list[str]:
    """Return the names of the secrets that the vault has."""
    assert isinstance(ports.secrets, FakeSecretStore)
    return ports.secrets.names()


async def test_removing_single_sign_on_meanwhile_wins(
    app: App, ports: Ports, contoso: TenantId, entries: CredentialForm
) -> None:
    """The connection is refused: removing the application switches it off, whoever was just connecting."""
    await app.connect.put_sso(contoso, SSO)
    connect = meanwhile(app, lambda: app.connect.remove_sso(contoso))
    with pytest.raises(Conflict) as refused:
        await connect.connect(contoso, entries, BACK_END)
    assert refused.value.code == "sso_changed"
    assert await ports.connections.find(contoso) is None


async def test_a_deleted_tenant_comes_back_empty(
    app: App, ports: Ports, contoso: TenantId, entries: CredentialForm
) -> None:
    """Created again while the old one's credentials were checked, it is not connected to the old one's directory."""
    await app.connect.put_sso(contoso, SSO)

    async def again() -> None:
        await app.tenants.delete(contoso)
        assert isinstance(ports.clock, FakeClock)
        ports.clock.advance(SETTLED_AFTER.total_seconds())
        await app.watchdog(RequestCounters())
        await app.tenants.put(contoso, "Another customer")

    with pytest.raises(Conflict):
        await meanwhile(app, again).connect(contoso, entries, BACK_END)
    assert await ports.connections.find(contoso) is None
    assert not stored_secrets(ports)


async def test_removed_in_the_moment_of_storing(
    app: App, ports: Ports, contoso: TenantId, entries: CredentialForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was stored too late is erased again, the secret included."""
    await app.connect.put_sso(contoso, SSO)
    put = ports.connections.put

    async def late(tenant: TenantId, connection: object, expected: object = None) -> str | None:
        monkeypatch.setattr(ports.connections, "put", put)
        await app.connect.remove_sso(tenant)
        return await put(tenant, connection, expected)  # type: ignore[arg-type]

    monkeypatch.setattr(ports.connections, "put", late)
    with pytest.raises(Conflict):
        await app.connect.connect(contoso, entries, BACK_END)
    assert await ports.connections.find(contoso) is None
    assert not stored_secrets(ports)


async def test_learning_the_end_of_a_secret_switches_nothing_on(
    app: App, ports: Ports, contoso: TenantId, entries: CredentialForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Switched off while the stored connection was checked: it stays off."""
    await app.connect.put_sso(contoso, SSO)
    await app.connect.connect(contoso, entries, BACK_END)
    checked = await ports.connections.find(contoso)
    assert checked is not None
    ends = datetime(2027, 1, 1, tzinfo=UTC)
    replace = ports.connections.replace

    async def late(tenant: TenantId, old: object, new: object) -> None:
        await app.connect.disconnect(tenant)
        await replace(tenant, old, new)  # type: ignore[arg-type]

    monkeypatch.setattr(ports.connections, "replace", late)
    report = (await app.connect.check_stored(contoso, BACK_END)).checks
    assert report
    told = msgspec.structs.replace(await app.connect.check(entries, BACK_END), secret_expires_on=ends)
    await app.connect._update_expiry(contoso, checked, told)
    assert await ports.connections.find(contoso) is None


async def test_a_late_refusal_of_the_old_secret_is_not_the_new_ones(
    app: App, ports: Ports, contoso: TenantId, entries: CredentialForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replaced between being refused and being written down: the new secret needs no attention."""
    await app.connect.put_sso(contoso, SSO)
    await app.connect.connect(contoso, entries, BACK_END)
    used = await ports.connections.find(contoso)
    assert used is not None
    swap = ports.connections.replace_health

    async def late(*words: object) -> str:
        monkeypatch.setattr(ports.connections, "replace_health", swap)
        await app.connect.connect(contoso, entries, BACK_END)
        return await swap(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(ports.connections, "replace_health", late)
    await app.health.refused(contoso, used, EXPIRED)
    assert (await ports.connections.get_health(contoso)).value.state is HealthState.ON


async def test_a_federated_identity_leaves_no_secret_behind(
    app: App, ports: Ports, contoso: TenantId, entries: CredentialForm
) -> None:
    """Nothing is kept of the secret that it takes the place of."""
    await app.connect.put_sso(contoso, SSO)
    await app.connect.connect(contoso, entries, BACK_END)
    assert stored_secrets(ports)
    for directory in directories_of(ports).by_azure_tenant.values():
        directory.federated = True
    federated = msgspec.structs.replace(entries, client_secret="", federated=True)
    await app.connect.connect(contoso, federated, BACK_END)
    connection = await ports.connections.find(contoso)
    assert connection is not None
    assert settings_of(connection).kind is CredentialKind.FEDERATED
    assert connection.secrets is None
    assert not stored_secrets(ports)


@dataclasses.dataclass
class DyingRunningWork:
    """Begins a change; the process dies when it was stored."""

    app: App

    @asynccontextmanager
    async def changing(self, tenant: TenantId) -> AsyncIterator[None]:
        """Begin, and die afterwards. Raises: Transient."""
        await self.app.restart_on_change._begin(tenant)
        yield
        raise Transient("the process dies", code="storage_unreachable")


async def test_switching_off_that_dies_has_erased_the_secret(
    app: App, ports: Ports, contoso: TenantId, entries: CredentialForm
) -> None:
    """Whatever comes after the connection is gone can fail without leaving it in the vault."""
    await app.connect.put_sso(contoso, SSO)
    await app.connect.connect(contoso, entries, BACK_END)

    dying = DyingRunningWork(app)
    with pytest.raises(Transient):
        await msgspec.structs.replace(app.connect, running_work=dying).disconnect(contoso)
    assert await ports.connections.find(contoso) is None
    assert not stored_secrets(ports)


async def test_another_directory_that_dies_while_it_is_stored_leaves_nothing_old_running(
    app: App, ports: Ports, contoso: TenantId, entries: CredentialForm
) -> None:
    """What ran on the old one is ended before anything new is stored."""
    await app.connect.put_sso(contoso, SSO)
    await app.connect.connect(contoso, entries, BACK_END)
    other = msgspec.structs.replace(entries, client_id=person(60))
    for directory in directories_of(ports).by_azure_tenant.values():
        directory.client_id = person(60)
        directory.assigned[person(60)] = []
    before = (await ports.sync_states.get(contoso)).value.config_version
    dying = DyingRunningWork(app)
    with pytest.raises(Transient):
        await msgspec.structs.replace(app.connect, running_work=dying).connect(contoso, other, BACK_END)
    assert (await ports.sync_states.get(contoso)).value.config_version == before + 1
