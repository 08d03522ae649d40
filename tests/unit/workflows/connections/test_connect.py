"""Credentials are stored only when they work, and erased when they are switched off."""

import msgspec
import pytest

from shared.bootstrap import App, Ports
from shared.domain.connections.connection import Connection, SsoApplication, decode_secrets
from shared.domain.connections.entra.connection_settings import SECRET, settings_of
from shared.domain.connections.entra.credential_form import CredentialForm
from shared.domain.ids import ObjectId, TenantId
from shared.errors import NotFound, Rejected
from shared.workflows.connections.connect import ConnectionRefused
from tests.support.builders import BACK_END, person
from tests.support.fakes import FakeDirectory

SSO = SsoApplication(client_id=ObjectId(person(50)))


async def _epoch(ports: Ports, tenant: TenantId) -> int:
    return (await ports.sync_states.get(tenant)).value.config_version


async def secret_of(ports: Ports, connection: Connection) -> str:
    """Return the secret of a connection in the vault."""
    assert connection.secrets is not None
    return decode_secrets(await ports.secrets.get(connection.secrets.name, connection.secrets.version))[SECRET]


async def test_sign_on_comes_first(app: App, ports: Ports, contoso: TenantId, entries: CredentialForm) -> None:
    """Without single sign-on a directory cannot be connected, however right its credentials are."""
    with pytest.raises(Rejected) as refused:
        await app.connect.connect(contoso, entries, BACK_END)
    assert refused.value.code == "sso_required"
    assert await ports.connections.find(contoso) is None


async def test_right_credentials_switch_on(app: App, ports: Ports, contoso: TenantId, entries: CredentialForm) -> None:
    """The secret lies in the vault alone, under the tenant's name, and the config version has risen."""
    await app.connect.put_sso(contoso, SSO)
    assert (await app.connect.connect(contoso, entries, BACK_END)).value.ok
    stored = await ports.connections.find(contoso)
    assert stored is not None
    settings = settings_of(stored)
    assert (settings.azure_tenant_id, settings.object_id) == (entries.tenant_id, entries.object_id)
    assert stored.secrets is not None
    assert stored.secrets.name.startswith("connection-contoso-")
    assert await secret_of(ports, stored) == entries.client_secret
    assert entries.client_secret not in msgspec.json.encode(stored).decode()
    assert await _epoch(ports, contoso) == 1
    assert (await app.connect.check_stored(contoso, BACK_END)).ok


async def test_a_new_secret_that_fails_leaves_the_old_one_working(
    app: App, ports: Ports, contoso: TenantId, entries: CredentialForm
) -> None:
    """What was stored before stays as it was, and runs on it are not disturbed."""
    await app.connect.put_sso(contoso, SSO)
    await app.connect.connect(contoso, entries, BACK_END)
    before = await app.connect.connection(contoso)
    with pytest.raises(ConnectionRefused) as refused:
        await app.connect.connect(
            contoso, msgspec.structs.replace(entries, client_secret="not-the-right-one"), BACK_END
        )
    assert not refused.value.report.ok
    assert "not-the-right-one" not in f"{refused.value} {refused.value.report}"
    assert await app.connect.connection(contoso) == before
    assert (await app.connect.check_stored(contoso, BACK_END)).ok
    assert await _epoch(ports, contoso) == 1


async def test_a_new_secret_that_works_gets_a_new_name(
    app: App, ports: Ports, contoso: TenantId, entries: CredentialForm, directory: FakeDirectory
) -> None:
    """The old one can be read until a run has succeeded with the new one."""
    await app.connect.put_sso(contoso, SSO)
    await app.connect.connect(contoso, entries, BACK_END)
    before = await ports.connections.find(contoso)
    directory.secret = "the-next-secret"
    await app.connect.connect(contoso, msgspec.structs.replace(entries, client_secret="the-next-secret"), BACK_END)
    after = await ports.connections.find(contoso)
    assert before is not None
    assert after is not None
    assert before.secrets is not None
    assert after.secrets is not None
    assert before.secrets.name != after.secrets.name
    assert await secret_of(ports, before) == entries.client_secret
    assert await secret_of(ports, after) == "the-next-secret"


async def test_switching_off_erases_ids_and_secret(
    app: App, ports: Ports, contoso: TenantId, entries: CredentialForm
) -> None:
    """Nothing is left to switch on again with; doing it twice is no error."""
    await app.connect.put_sso(contoso, SSO)
    await app.connect.connect(contoso, entries, BACK_END)
    stored = await ports.connections.find(contoso)
    assert stored is not None
    for _ in range(2):
        await app.connect.disconnect(contoso)
        assert (await app.connect.connection(contoso)).value is None
    with pytest.raises(NotFound):
        await secret_of(ports, stored)
    with pytest.raises(NotFound) as off:
        await app.connect.check_stored(contoso, BACK_END)
    assert off.value.code == "not_connected"
    assert await _epoch(ports, contoso) > 1


async def test_removing_sign_on_removes_the_connection(
    app: App, ports: Ports, contoso: TenantId, entries: CredentialForm
) -> None:
    """One does not go without the other."""
    await app.connect.put_sso(contoso, SSO)
    await app.connect.connect(contoso, entries, BACK_END)
    await app.connect.remove_sso(contoso)
    assert (await app.connect.connection(contoso)).value is None
    assert await ports.settings.find_sso(contoso) is None


async def test_pasted_space_does_not_reach_the_vault(
    app: App, ports: Ports, contoso: TenantId, entries: CredentialForm
) -> None:
    """What is stored is what was validated."""
    await app.connect.put_sso(contoso, SSO)
    await app.connect.connect(
        contoso, msgspec.structs.replace(entries, client_secret=f" {entries.client_secret}\n"), BACK_END
    )
    stored = await ports.connections.find(contoso)
    assert stored is not None
    assert await secret_of(ports, stored) == entries.client_secret


async def test_an_unknown_tenant_is_told(app: App, entries: CredentialForm) -> None:
    """Every change names the tenant that is not there."""
    nobody = TenantId("nobody")
    for call in (
        app.connect.connect(nobody, entries, BACK_END),
        app.connect.disconnect(nobody),
        app.connect.put_sso(nobody, SSO),
        app.connect.remove_sso(nobody),
        app.connect.connection(nobody),
    ):
        with pytest.raises(NotFound) as missing:
            await call
        assert missing.value.code == "tenant_not_found"
