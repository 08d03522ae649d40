"""Lost answers on the wire: the service applies a write and fails, and the SDK sends it again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from shared.adapters.stores import Tables, TableSettingsStore, TableSyncStateStore
from shared.adapters.tables import client
from shared.domain.ids import LocationId, TenantId
from shared.domain.optimistic_locking import Expected
from shared.domain.retry_policy import TABLE_REQUEST
from shared.domain.run import TenantState
from shared.errors import Conflict
from tests.support.samples import settings
from tests.support.table_service.server import connection_string, listening
from tests.support.table_service.service import Answer, Request, Service

TENANT, DESK = TenantId("contoso"), LocationId("desk")


class Losing(Service):
    """Applies every write of a row, and answers 500 to every first attempt."""

    failing = False

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        answer = super().answer(request)
        is_write = request.method != "GET" and "Tables" not in request.path.rpartition("/")[2]
        self.failing = is_write and not self.failing
        return Answer(500) if self.failing else answer


@asynccontextmanager
async def _losing(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tables]:
    monkeypatch.setattr(client, "TABLE_REQUEST", msgspec.structs.replace(TABLE_REQUEST, first_wait_s=0.01))
    async with listening(Losing()) as url:
        tables = Tables(settings(connection_string(url)))
        try:
            yield tables
        finally:
            await tables.close()


async def test_every_write_of_a_state_row_survives_a_lost_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Insert, replace, merge and delete, one after the other under the versions that they return."""
    async with _losing(monkeypatch) as tables:
        states, locations = TableSyncStateStore(tables), TableSettingsStore(tables)
        etag = await states.replace(TENANT, TenantState(fencing_token=1), None)
        etag = await states.replace(TENANT, TenantState(fencing_token=2), etag)
        assert await states.get(TENANT) == (TenantState(fencing_token=2), etag)
        etag = await locations.put_location(TENANT, DESK, "Desk", Expected(None))
        etag = await locations.put_location(TENANT, DESK, "Front desk", Expected(etag))
        location, found = await locations.find_location(TENANT, DESK)
        assert location is not None
        assert (location.name, found) == ("Front desk", etag)
        await locations.delete_location(TENANT, DESK)
        assert await locations.list_locations(TENANT) == []


async def test_a_write_of_another_request_stays_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    """The outdated write finds the row, and not itself in it."""
    async with _losing(monkeypatch) as tables:
        states = TableSyncStateStore(tables)
        etag = await states.replace(TENANT, TenantState(fencing_token=1), None)
        await states.replace(TENANT, TenantState(fencing_token=2), etag)
        with pytest.raises(Conflict):
            await states.replace(TENANT, TenantState(fencing_token=3), etag)
        assert (await states.get(TENANT)).value == TenantState(fencing_token=2)
