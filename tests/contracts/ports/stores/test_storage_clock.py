"""The clock of storage, on a service that has one."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.stores.storage_clock import TableStorageClock
from tests.contracts.ports.stores.conftest import tables_of

#: The emulator's times are rounded to milliseconds.
_ROUNDED = timedelta(milliseconds=10)


@pytest.fixture(params=["azurite", "azurite, twice"])
async def clock(request: pytest.FixtureRequest) -> AsyncIterator[TableStorageClock]:
    """The clock of an emulator on this machine."""
    async with tables_of(request) as tables:
        yield TableStorageClock(tables)


async def test_it_is_the_services(clock: TableStorageClock) -> None:
    """Several workers can ask at the same time, and none reads an earlier time than one that asked before."""
    before = datetime.now(UTC)
    first = await clock.now()
    several = await asyncio.gather(*(clock.now() for _ in range(4)))
    after = datetime.now(UTC)
    assert before - _ROUNDED <= first <= min(several)
    assert max(several) <= after + _ROUNDED
