"""What holds of any KeyStore."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest

from shared.adapters.stores import TableKeyStore, Tables
from shared.domain.access.callers import KeyScope
from shared.domain.access.named_keys import NamedKey, value_of
from shared.domain.ids import KeyName, TenantId
from shared.domain.versioned import Versioned
from shared.errors import Conflict
from shared.ports.platform import KeyStore
from shared.settings import load
from tests.support.fakes import FakeKeyStore

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.fixture(params=["fake", "azurite"])
async def keys(request: pytest.FixtureRequest) -> AsyncIterator[KeyStore]:
    """A store, with keys of other tests."""
    if request.param == "fake":
        yield FakeKeyStore()
        return
    azurite = request.getfixturevalue("azurite")
    settings = load({"AzureWebJobsStorage": azurite.connection_string, "KEY_VAULT_URL": "https://vault.example"})
    tables = Tables(settings)
    yield TableKeyStore(tables)
    await tables.close()


def key_of(name: str, *tenants: str) -> NamedKey:
    """Return a key for these tenants, or for all."""
    value = value_of(KeyName(name), "A" * 43)
    named = tuple(map(TenantId, tenants)) or None
    return NamedKey.new(value, (KeyScope.SYNC, KeyScope.READ), named, now=NOW, days=1, by="api")


async def test_keys_are_replaced_under_their_etag_and_lose_their_tenants(keys: KeyStore) -> None:
    """A name is used once; a tenant that is deleted leaves every key, and a key for all tenants stays."""
    one, two, everywhere = key_of("one", "contoso"), key_of("two", "contoso", "fabrikam"), key_of("z-everywhere")
    assert await keys.find(one.name) == Versioned(None, None)
    etag = await keys.replace(one, None)
    with pytest.raises(Conflict):
        await keys.replace(key_of("one", "fabrikam"), None)
    assert await keys.find(one.name) == Versioned(one, etag)
    revoked = msgspec.structs.replace(one, revoked_at=NOW, revoked_by="api")
    await keys.replace(revoked, etag)
    with pytest.raises(Conflict):
        await keys.replace(one, etag)
    await keys.replace(two, None)
    await keys.replace(everywhere, None)
    assert [key async for key in keys.list_keys()] == [revoked, two, everywhere]
    assert [key async for key in keys.list_keys(revoked.name)] == [two, everywhere]
    assert [key async for key in keys.list_keys(everywhere.name)] == []
    await keys.delete_all(TenantId("contoso"))
    assert [key.tenants async for key in keys.list_keys()] == [(), ("fabrikam",), None]
