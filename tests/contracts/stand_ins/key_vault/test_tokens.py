"""Which tokens the vault takes, and how it asks for one."""

import json
import ssl

import aiohttp
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.keyvault.secrets.aio import SecretClient

from infra.local.key_vault import KeyVault
from infra.local.stack.certificates import Certificates
from tests.contracts.stand_ins.key_vault.conftest import AsyncCredential


async def test_the_client_learns_the_audience_from_the_challenge(vault: KeyVault, tls: Certificates) -> None:
    """The credential is asked once, for the resource above the vault's address."""
    credential = AsyncCredential()
    async with SecretClient(vault.url, credential, connection_verify=str(tls.ca)) as client:
        await client.set_secret("contoso", "value")
        await client.get_secret("contoso")
    port = vault.url.rpartition(":")[2]
    assert credential.scopes == [f"https://0.0.1:{port}/.default"]


@pytest.mark.parametrize(
    ("claims", "words"),
    [({"aud": "https://graph.microsoft.com"}, "AKV10022: Invalid audience"), ({"exp": 1}, "has expired")],
)
async def test_a_token_for_something_else_is_refused(
    vault: KeyVault, tls: Certificates, claims: dict[str, object], words: str
) -> None:
    """Another audience or a past expiry is a 401 with the reason."""
    credential = AsyncCredential(**claims)
    async with SecretClient(vault.url, credential, connection_verify=str(tls.ca)) as client:
        with pytest.raises(ClientAuthenticationError, match=words):
            await client.get_secret("contoso")


async def test_without_a_token_comes_a_challenge_and_without_a_version_a_400(
    vault: KeyVault, tls: Certificates
) -> None:
    """Plain HTTP callers see what the service would say."""
    trust = ssl.create_default_context(cafile=tls.ca)
    port = vault.url.rpartition(":")[2]
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{vault.url}/secrets/a/?api-version=7.6", ssl=trust) as answer:
            assert answer.status == 401
            assert f'resource="https://0.0.1:{port}"' in answer.headers["WWW-Authenticate"]
            assert (await answer.json())["error"]["code"] == "Unauthorized"
        token = AsyncCredential().issue(f"https://0.0.1:{port}/.default").token
        headers = {"Authorization": f"Bearer {token}"}
        async with session.get(f"{vault.url}/secrets/a", ssl=trust, headers=headers) as answer:
            assert answer.status == 400
        async with session.put(
            f"{vault.url}/secrets/a?api-version=7.6", ssl=trust, headers=headers, data=json.dumps({"valeu": 1})
        ) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (400, "BadParameter")
        async with session.post(f"{vault.url}/secrets/a/backup?api-version=7.6", ssl=trust, headers=headers) as answer:
            assert (await answer.json())["error"]["code"] == "NotImitated"
