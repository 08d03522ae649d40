"""Connections of several providers side by side."""

import dataclasses

import pytest

from shared.bootstrap import App, Ports
from shared.domain.connections.connection import SsoApplication, entry_name, first_entry_name
from shared.domain.ids import ObjectId, TenantId
from shared.domain.problem import ErrorCategory
from shared.errors import Misconfigured, NotFound
from shared.workflows.connections.connect import ConnectionRefused
from shared.workflows.connections.providers import Providers
from tests.support.builders import BACK_END, person
from tests.support.fakes import entra_connection
from tests.support.fakes.bare import BareForm, BareProvider, bare_connection
from tests.support.world import SETTINGS

SSO = SsoApplication(client_id=ObjectId(person(50)))


async def test_a_provider_without_credentials_is_connected(ports: Ports, contoso: TenantId) -> None:
    """Its settings are stored as it wrote them, without a secret; a form that it refuses is not stored."""
    provider = BareProvider()
    provider.add("acme")
    app = App(dataclasses.replace(ports, providers={**ports.providers, provider.name: provider}), SETTINGS)
    await app.connect.put_sso(contoso, SSO)
    with pytest.raises(ConnectionRefused):
        await app.connect.connect(contoso, BareForm(directory="unknown"), BACK_END)
    assert (await app.connect.connect(contoso, BareForm(directory="acme"), BACK_END)).value.ok
    stored = await ports.connections.find(contoso)
    assert stored is not None
    assert (stored.provider, stored.settings.version, stored.settings.document) == ("bare", 3, "acme")
    assert stored.secrets is None
    assert (await app.connect.check_stored(contoso, BACK_END)).ok
    async with app.access.open(contoso) as directory:
        assert directory is provider.directories["acme"]


def test_what_a_code_means_depends_on_the_provider(ports: Ports) -> None:
    """A code of Entra is an error on our side for another provider; a lost secret is the same for all."""
    bare = BareProvider()
    providers = Providers({**ports.providers, bare.name: bare})
    entra, other = entra_connection(person(1), person(2)), bare_connection("acme")
    assert providers.category(entra, "AADSTS7000215") is ErrorCategory.CREDENTIALS
    assert providers.category(other, "AADSTS7000215") is ErrorCategory.OURS
    gone = NotFound("It is not in the vault.", code="secret_not_found")
    for connection in (entra, other):
        reason = providers.reason(connection, gone)
        assert (reason.code, reason.category) == ("secret_not_found", ErrorCategory.CREDENTIALS)
        assert reason.fix


def test_a_provider_that_is_not_deployed(ports: Ports) -> None:
    """Its connections cannot be opened, and the operator is told which provider is missing."""
    with pytest.raises(Misconfigured, match="bare"):
        Providers(ports.providers).get("bare")


def test_each_entry_in_the_vault_has_a_name_of_its_own() -> None:
    """Names are unique although ids of tenants may contain the separator and what looks like a random part."""
    first, second = "0123456789abcdef", "fedcba9876543210"
    tenants = [TenantId("a"), TenantId(f"a-{first}"), TenantId(f"a-{second}")]
    names = {entry_name(tenant, unique) for tenant in tenants for unique in (first, second)}
    names |= {first_entry_name(tenant) for tenant in tenants}
    assert len(names) == 3 * len(tenants)
    assert first_entry_name(TenantId("contoso")) == "tenant-contoso"
