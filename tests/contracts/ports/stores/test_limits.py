"""What holds of any LimitStore."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.adapters.process_limits import ProcessLimitStore
from shared.adapters.stores import TableLimitStore
from shared.domain.versioned import Versioned
from shared.errors import Conflict
from shared.ports.platform import LimitStore
from tests.contracts.ports.stores.conftest import ON_TABLES, tables_of
from tests.support.fakes import FakeLimitStore

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.fixture(params=["fake", "process", *ON_TABLES])
async def instances(request: pytest.FixtureRequest) -> AsyncIterator[tuple[LimitStore, LimitStore]]:
    """Two instances of the app over the same storage."""
    if request.param == "fake":
        store = FakeLimitStore()
        yield store, store
        return
    if request.param == "process":
        process = ProcessLimitStore()
        yield process, process
        return
    async with tables_of(request) as tables:
        yield TableLimitStore(tables), TableLimitStore(tables)


async def test_of_two_that_take_the_last_one_at_once_one_looks_again(instances: tuple[LimitStore, LimitStore]) -> None:
    """What is used is read by every instance, and moves by compare-and-swap; what is used up is swept."""
    first, second = instances
    key = f"guesses:{uuid4()}"
    assert await first.find(key) == Versioned(None, None)
    seen = await second.find(key)
    await first.replace(key, NOW, None)
    with pytest.raises(Conflict):
        await second.replace(key, NOW, seen.etag)
    used, etag = await second.find(key)
    assert used == NOW
    await second.replace(key, NOW + timedelta(hours=1), etag)
    await first.purge(NOW + timedelta(minutes=59))
    assert (await first.find(key)).value == NOW + timedelta(hours=1)
    await first.purge(NOW + timedelta(minutes=61))
    assert await second.find(key) == Versioned(None, None)
