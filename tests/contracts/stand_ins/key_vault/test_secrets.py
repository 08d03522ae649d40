"""The vault as the real azure-keyvault-secrets client sees it."""

import asyncio
from datetime import UTC, datetime

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.keyvault.secrets import SecretClient as BlockingClient
from azure.keyvault.secrets.aio import SecretClient

from infra.local.key_vault import KeyVault
from infra.local.stack.certificates import Certificates
from tests.contracts.stand_ins.key_vault.conftest import SyncCredential


async def test_the_latest_value_is_read_and_older_versions_stay(client: SecretClient) -> None:
    """A secret set twice answers with the second value, and with the first when asked for that version."""
    first = await client.set_secret("contoso-secret", "one", content_type="text/plain", tags={"tenant": "contoso"})
    await client.set_secret("contoso-secret", "two")
    assert (await client.get_secret("contoso-secret")).value == "two"
    old = await client.get_secret("contoso-secret", first.properties.version)
    assert (old.value, old.properties.content_type, old.properties.tags) == ("one", "text/plain", {"tenant": "contoso"})
    assert old.properties.recovery_level == "Recoverable+Purgeable"
    versions = {version.version async for version in client.list_properties_of_secret_versions("contoso-secret")}
    assert len(versions) == 2
    assert first.properties.version in versions


async def test_names_ignore_case(client: SecretClient) -> None:
    """A name in other letters is the same secret, as in the real vault."""
    await client.set_secret("Contoso", "one")
    assert (await client.get_secret("contoso")).value == "one"


async def test_lists_come_in_pages(client: SecretClient) -> None:
    """Fifty-three secrets arrive complete and in three pages."""
    await asyncio.gather(*(client.set_secret(f"secret-{number:02}", "value") for number in range(53)))
    pages = [[item.name async for item in page] async for page in client.list_properties_of_secrets().by_page()]
    assert [len(page) for page in pages] == [25, 25, 3]
    assert [name for page in pages for name in page] == [f"secret-{number:02}" for number in range(53)]
    smaller = [secret async for secret in client.list_properties_of_secrets(max_page_size=10)]
    assert len(smaller) == 53


async def test_an_update_changes_what_it_names(client: SecretClient) -> None:
    """Dates, tags and the switch change; the value and what was not named stay."""
    await client.set_secret("dated", "value", content_type="text/plain")
    expires = datetime(2030, 1, 1, tzinfo=UTC)
    updated = await client.update_secret_properties("dated", expires_on=expires, tags={"a": "b"})
    assert (updated.expires_on, updated.content_type) == (expires, "text/plain")
    assert (await client.get_secret("dated")).value == "value"
    await client.update_secret_properties("dated", updated.version, enabled=False)
    with pytest.raises(HttpResponseError) as refused:
        await client.get_secret("dated")
    assert refused.value.status_code == 403


async def test_an_unknown_secret_is_not_found(client: SecretClient) -> None:
    """The error has the service's status, code and words."""
    with pytest.raises(ResourceNotFoundError, match=r"A secret with \(name/id\) missing was not found") as refused:
        await client.get_secret("missing")
    assert refused.value.error is not None
    assert refused.value.error.code == "SecretNotFound"
    await client.set_secret("present", "value")
    with pytest.raises(ResourceNotFoundError):
        await client.get_secret("present", "0" * 32)


async def test_deletion_is_soft_until_purged(client: SecretClient) -> None:
    """A deleted secret keeps its name, can be recovered with its value, and is gone only when purged."""
    await client.set_secret("contoso", "value")
    deleted = await client.delete_secret("contoso")
    assert deleted.scheduled_purge_date is not None
    with pytest.raises(ResourceNotFoundError):
        await client.get_secret("contoso")
    with pytest.raises(ResourceExistsError, match="deleted but recoverable"):
        await client.set_secret("contoso", "other")
    assert [secret.name async for secret in client.list_deleted_secrets()] == ["contoso"]

    await client.recover_deleted_secret("contoso")
    assert (await client.get_secret("contoso")).value == "value"

    await client.delete_secret("contoso")
    await client.purge_deleted_secret("contoso")
    with pytest.raises(ResourceNotFoundError, match="Deleted Secret not found"):
        await client.get_deleted_secret("contoso")
    assert (await client.set_secret("contoso", "new")).value == "new"


async def test_purge_protection_refuses_to_purge(client: SecretClient, vault: KeyVault) -> None:
    """The deleted secret stays, and its name cannot be used."""
    vault.vault.purge_protection = True
    await client.set_secret("contoso", "value")
    await client.delete_secret("contoso")
    with pytest.raises(HttpResponseError, match="purge protection") as refused:
        await client.purge_deleted_secret("contoso")
    assert refused.value.status_code == 403
    assert [secret.name async for secret in client.list_deleted_secrets()] == ["contoso"]
    with pytest.raises(ResourceExistsError):
        await client.set_secret("contoso", "other")


@pytest.mark.parametrize(
    ("name", "value", "tags"),
    [
        ("under_score", "value", {}),
        ("n" * 128, "value", {}),
        ("big", "v" * 25_601, {}),
        ("tags", "v", {"t": "v" * 257}),
    ],
)
async def test_limits_are_the_services(client: SecretClient, name: str, value: str, tags: dict[str, str]) -> None:
    """What Key Vault would refuse is refused here."""
    with pytest.raises(HttpResponseError) as refused:
        await client.set_secret(name, value, tags=tags)
    assert refused.value.status_code == 400
    assert refused.value.error is not None
    assert refused.value.error.code == "BadParameter"


async def test_the_blocking_client_works_too(vault: KeyVault, tls: Certificates) -> None:
    """The same handshake, with the client that most examples show."""

    def use() -> list[str | None]:
        with BlockingClient(vault.url, SyncCredential(), connection_verify=str(tls.ca)) as client:
            client.set_secret("contoso", "value")
            client.begin_delete_secret("contoso").wait()
            client.begin_recover_deleted_secret("contoso").wait()
            return [
                client.get_secret("contoso").value,
                *(secret.name for secret in client.list_properties_of_secrets()),
            ]

    assert await asyncio.to_thread(use) == ["value", "contoso"]
