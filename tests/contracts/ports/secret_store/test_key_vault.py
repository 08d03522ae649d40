"""What only Key Vault can do: keep what was deleted, refuse, and be away."""

import asyncio
import os
import re
from typing import Any

import msgspec
import pytest
from azure.core.exceptions import HttpResponseError, ODataV4Format

from infra.local.key_vault import KeyVault
from shared.adapters import key_vault
from shared.adapters.key_vault import KeyVaultSecretStore
from shared.domain.retry_policy import VAULT_REQUEST
from shared.errors import Misconfigured, NotFound, Rejected, Transient
from shared.settings import load

NAME = "tenant-contoso"
VALUE = "s3cret~value"


class Refusal(HttpResponseError):
    """An answer of the vault with this status."""

    def __init__(self, status: int, code: str = "", inner: str = "") -> None:
        super().__init__(message=f"about {VALUE}")
        self.status_code = status
        self.error = ODataV4Format({"code": code, "message": VALUE, "innererror": {"code": inner}}) if code else None


async def test_a_deleted_name_is_not_freed(real: KeyVaultSecretStore, vault: KeyVault) -> None:
    """Deleted but not purged, by an operator perhaps: the name is refused, and nothing comes back."""
    old = await real.put(NAME, "old")
    vault.vault.delete(NAME)
    with pytest.raises(Transient):
        await real.put(NAME, VALUE)
    assert [deleted.secret.name for deleted in vault.vault.deleted()] == [NAME]
    with pytest.raises(NotFound):
        await real.get(NAME, old)


async def test_a_vault_that_cannot_purge_gives_nothing_back(real: KeyVaultSecretStore, vault: KeyVault) -> None:
    """Deleting succeeds; the vault keeps the secret until its retention ends, and the app cannot read it."""
    vault.vault.purge_protection = True
    old = await real.put(NAME, "old")
    for _ in range(2):
        await real.delete(NAME)
    assert [deleted.secret.name for deleted in vault.vault.deleted()] == [NAME]
    with pytest.raises(NotFound):
        await real.get(NAME, old)
    version = await real.put("another-name", VALUE)
    assert await real.get("another-name", version) == VALUE
    assert vault.vault.secrets() == [vault.vault.get("another-name", "")]


async def test_a_version_is_read_once(real: KeyVaultSecretStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """For five minutes, and for so many secrets only."""
    asked: list[str] = []
    version = await real.put(NAME, VALUE)
    get = real._client().get_secret

    async def note(name: str, version: str) -> Any:  # noqa: ANN401 - the SDK's secret
        asked.append(name)
        return await get(name, version)

    monkeypatch.setattr(real._client(), "get_secret", note)
    for _ in range(3):
        assert await real.get(NAME, version) == VALUE
    assert asked == [NAME]
    monkeypatch.setattr(key_vault, "_KEPT", 1)
    await real.get("tenant-other", await real.put("tenant-other", "x"))
    await real.get(NAME, version)
    assert asked == [NAME, "tenant-other", NAME]


async def test_what_is_read_while_it_is_erased_is_not_kept(
    real: KeyVaultSecretStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow answer that began before the erasure must not outlive it."""
    version = await real.put(NAME, VALUE)
    read, erased = asyncio.Event(), asyncio.Event()
    get = real._client().get_secret

    async def slow(name: str, version: str) -> Any:  # noqa: ANN401 - the SDK's secret
        found = await get(name, version)
        read.set()
        await erased.wait()
        return found

    monkeypatch.setattr(real._client(), "get_secret", slow)
    reading = asyncio.create_task(real.get(NAME, version))
    await read.wait()
    await real.delete(NAME)
    erased.set()
    assert await reading == VALUE
    monkeypatch.setattr(real._client(), "get_secret", get)
    with pytest.raises(NotFound):
        await real.get(NAME, version)


async def test_what_is_read_before_the_vault_has_erased_it_is_not_kept(
    real: KeyVaultSecretStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer of the vault that arrives while the erasure is under way must not outlive it."""
    version = await real.put(NAME, VALUE)
    delete = real._client().delete_secret

    async def late(name: str) -> Any:  # noqa: ANN401 - the SDK's secret
        assert await real.get(NAME, version) == VALUE
        return await delete(name)

    monkeypatch.setattr(real._client(), "delete_secret", late)
    await real.delete(NAME)
    with pytest.raises(NotFound):
        await real.get(NAME, version)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Rejected), (401, Misconfigured), (403, Misconfigured), (404, NotFound), (429, Transient), (503, Transient)],
)
async def test_refusals(
    real: KeyVaultSecretStore, monkeypatch: pytest.MonkeyPatch, status: int, kind: type[Exception]
) -> None:
    """Each is raised as what the caller must do, and never quotes the secret."""

    async def refuse(*_: object, **__: object) -> None:
        raise Refusal(status)

    monkeypatch.setattr(real._client(), "set_secret", refuse)
    with pytest.raises(kind) as refused:
        await real.put(NAME, VALUE)
    assert VALUE not in str(refused.value)


@pytest.mark.parametrize(
    ("refusal", "kind", "says"),
    [
        (Refusal(400, "BadParameter"), Rejected, "BadParameter"),
        (Refusal(403, "Forbidden", "SecretDisabled"), NotFound, "disabled"),
        (Refusal(403, "Forbidden", "ForbiddenByFirewall"), Misconfigured, "firewall"),
        (Refusal(403, "Forbidden", "ForbiddenByRbac"), Misconfigured, "Key Vault Secrets Officer"),
        (Refusal(400, "not a code <script>"), Rejected, "(400)"),
    ],
)
async def test_a_refusal_is_explained_by_its_reason(
    real: KeyVaultSecretStore, monkeypatch: pytest.MonkeyPatch, refusal: Refusal, kind: type[Exception], says: str
) -> None:
    """Not every 400 is about the length, and not every 403 about the role."""

    async def refuse(*_: object, **__: object) -> None:
        raise refusal

    monkeypatch.setattr(real._client(), "get_secret", refuse)
    with pytest.raises(kind, match=re.escape(says)):
        await real.get(NAME, "0" * 32)


@pytest.mark.parametrize("setting", [("IDENTITY_HEADER", "wrong"), ("IDENTITY_ENDPOINT", "{admin}/nothing")])
async def test_a_refusal_of_the_identity_endpoint_is_not_the_vaults(
    real: KeyVaultSecretStore, monkeypatch: pytest.MonkeyPatch, setting: tuple[str, str]
) -> None:
    """The vault was not asked at all; the sentence is about the identity."""
    name, value = setting
    monkeypatch.setenv(name, value.format(admin=os.environ["IDENTITY_ENDPOINT"].removesuffix("/identity")))
    with pytest.raises(Misconfigured, match="identity endpoint") as refused:
        await real.put(NAME, VALUE)
    assert refused.value.code == "identity"
    assert "role" not in str(refused.value)


async def test_a_secret_that_is_too_long(real: KeyVaultSecretStore) -> None:
    """The vault's own limit, told as a fault of the entry."""
    with pytest.raises(Rejected):
        await real.put(NAME, "x" * 26_000)


async def test_a_vault_that_is_away(real: KeyVaultSecretStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """To be tried again, after two quick tries."""
    monkeypatch.setattr(key_vault, "VAULT_REQUEST", msgspec.structs.replace(VAULT_REQUEST, attempts=1))
    away = KeyVaultSecretStore(load({"KEY_VAULT_URL": "https://127.0.0.1:9", "AzureWebJobsStorage": "x"}))
    with pytest.raises(Transient):
        await away.get(NAME, "0" * 32)
    await away.close()
