"""Secrets: each version stays what it was, until all are erased."""

import pytest

from shared.errors import NotFound
from shared.ports.platform import SecretStore


async def test_each_version_keeps_its_value(store: SecretStore) -> None:
    """A rotated secret leaves running jobs the version that they were planned with."""
    first = await store.put("tenant-contoso", "one")
    second = await store.put("tenant-contoso", "two ~ é")
    assert first != second
    assert await store.get("tenant-contoso", first) == "one"
    assert await store.get("tenant-contoso", second) == "two ~ é"


async def test_what_is_not_there(store: SecretStore) -> None:
    """Another name, another version."""
    await store.put("tenant-contoso", "one")
    for name, version in (("tenant-fabrikam", "0" * 32), ("tenant-contoso", "0" * 32)):
        with pytest.raises(NotFound) as refused:
            await store.get(name, version)
        assert refused.value.code == "secret_not_found"


async def test_erased_is_erased(store: SecretStore) -> None:
    """Every version, and even if it was read just before; other names stay."""
    versions = [await store.put("tenant-contoso", value) for value in ("one", "two")]
    other = await store.put("tenant-contoso-2", "other")
    assert await store.get("tenant-contoso", versions[0]) == "one"
    await store.delete("tenant-contoso")
    for version in versions:
        with pytest.raises(NotFound):
            await store.get("tenant-contoso", version)
    assert await store.get("tenant-contoso-2", other) == "other"


async def test_erasing_twice_and_nothing(store: SecretStore) -> None:
    """No error."""
    await store.delete("tenant-contoso")
    await store.put("tenant-contoso", "one")
    await store.delete("tenant-contoso")
    await store.delete("tenant-contoso")


async def test_disabled_is_not_given_back(store: SecretStore) -> None:
    """Every version, and even if it was read just before; another name stays. Disabling twice does nothing."""
    versions = [await store.put("tenant-contoso", value) for value in ("one", "two")]
    other = await store.put("tenant-contoso-2", "other")
    assert await store.get("tenant-contoso", versions[0]) == "one"
    for _ in range(2):
        await store.disable("tenant-contoso")
    for version in versions:
        with pytest.raises(NotFound) as refused:
            await store.get("tenant-contoso", version)
        assert refused.value.code == "secret_not_found"
    assert await store.get("tenant-contoso-2", other) == "other"
    await store.delete("tenant-contoso")
    await store.disable("tenant-contoso")
