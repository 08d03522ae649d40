"""What holds of any IdempotencyStore."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.adapters.stores import TableIdempotencyStore
from shared.domain.access.idempotency import IdempotencyRecord
from shared.domain.ids import RunId, TenantId
from shared.domain.versioned import Versioned
from shared.errors import Conflict
from shared.ports.platform import IdempotencyStore
from tests.contracts.ports.stores.conftest import ON_TABLES, tables_of
from tests.support.fakes import FakeIdempotencyStore

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
RECORD = IdempotencyRecord(digest="d", run=RunId("8204576261968-0000000a"), at=NOW)


@pytest.fixture(params=["fake", *ON_TABLES])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[IdempotencyStore]:
    """The fake, or the real store on tables in memory or in Azurite."""
    if request.param == "fake":
        yield FakeIdempotencyStore()
        return
    async with tables_of(request) as tables:
        yield TableIdempotencyStore(tables)


async def test_of_two_that_use_a_key_at_once_one_does(store: IdempotencyStore) -> None:
    """The other finds whose it is; another tenant has keys of its own; what is old or the tenant's goes."""
    acme, other = (TenantId(f"t{uuid4().hex[:8]}") for _ in range(2))
    assert await store.find(acme, "k") == Versioned(None, None)
    etag = await store.replace(acme, "k", RECORD, None)
    with pytest.raises(Conflict):
        await store.replace(acme, "k", RECORD, None)
    assert await store.find(acme, "k") == Versioned(RECORD, etag)
    answered = IdempotencyRecord(digest="d", run=RECORD.run, at=NOW, answer=b"x" * 100_000)
    newer = await store.replace(acme, "k", answered, etag)
    await store.delete(acme, "k", etag)
    assert await store.find(acme, "k") == Versioned(answered, newer)
    await store.replace(other, "k", RECORD, None)
    await store.purge(NOW)
    await store.delete_all(acme)
    assert (await store.find(acme, "k")).value is None
    kept = await store.find(other, "k")
    assert kept.value == RECORD
    assert kept.etag is not None
    await store.purge(NOW + timedelta(seconds=1))
    assert (await store.find(other, "k")).value is None
    await store.delete(other, "k", kept.etag)
