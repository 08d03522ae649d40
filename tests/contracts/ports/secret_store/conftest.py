"""Every `SecretStore`: the fake, and the real client in front of the local vault, with a managed identity's token."""

from collections.abc import AsyncIterator

import pytest

from infra.local.entra.server import EntraSimulator
from infra.local.key_vault import KeyVault
from infra.local.stack.certificates import Certificates
from shared.adapters.key_vault import KeyVaultSecretStore
from shared.ports.platform import SecretStore
from shared.settings import load
from tests.support.fakes.secrets import FakeSecretStore


@pytest.fixture
async def vault(tls: Certificates, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KeyVault]:
    """An empty vault, and an identity that it believes; both are found through the environment, as in Azure."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.bundle))
    monkeypatch.setenv("IDENTITY_HEADER", "the header")
    environment = {"IDENTITY_HEADER": "the header"}
    async with (
        EntraSimulator(cert=tls.cert, key=tls.key, scale=0.001, environment=environment) as entra,
        KeyVault(cert=tls.cert, key=tls.key) as running,
    ):
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{entra.admin}/identity")
        yield running


@pytest.fixture
async def real(vault: KeyVault) -> AsyncIterator[KeyVaultSecretStore]:
    """The adapter."""
    store = KeyVaultSecretStore(load({"KEY_VAULT_URL": vault.url, "AzureWebJobsStorage": "UseDevelopmentStorage=true"}))
    yield store
    await store.close()


@pytest.fixture(params=["fake", "key_vault"])
def store(request: pytest.FixtureRequest) -> SecretStore:
    """Either."""
    if request.param == "fake":
        return FakeSecretStore()
    opened: SecretStore = request.getfixturevalue("real")
    return opened
