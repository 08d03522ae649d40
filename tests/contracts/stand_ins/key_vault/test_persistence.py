"""A vault kept in a file."""

from pathlib import Path

from azure.keyvault.secrets.aio import SecretClient

from infra.local.key_vault import KeyVault
from infra.local.stack.certificates import Certificates
from tests.contracts.stand_ins.key_vault.conftest import AsyncCredential


async def test_secrets_survive_a_restart_in_a_private_file(tls: Certificates, tmp_path: Path) -> None:
    """A second vault on the same file has the secret and the deleted one; only the owner may read the file."""
    file = tmp_path / "vault.json"
    for expected in (None, "value"):
        async with (
            KeyVault(cert=tls.cert, key=tls.key, data=file) as vault,
            SecretClient(vault.url, AsyncCredential(), connection_verify=str(tls.ca)) as client,
        ):
            if expected is None:
                await client.set_secret("contoso", "value")
                await client.set_secret("adatum", "gone")
                await client.delete_secret("adatum")
            else:
                assert (await client.get_secret("contoso")).value == expected
                assert (await client.get_deleted_secret("adatum")).name == "adatum"
    assert file.stat().st_mode & 0o777 == 0o600
