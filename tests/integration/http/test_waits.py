"""How often a view of the portal waits for storage: what needs no other answer is requested immediately."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.adapters.tables.client import Entity
from shared.bootstrap import App
from tests.support.fakes.on_tables import ports_on
from tests.support.fakes.table_service import MemoryTables
from tests.support.http.calling import MODULES, Client, Route
from tests.support.world import SETTINGS

#: Rounds of the event loop in which everything happens that does not wait for storage.
_SETTLED = 50


class WaitingTables(MemoryTables):
    """A Table service that answers all waiting requests at the same moment, as a test says it."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[asyncio.Future[None]] = []
        self.is_held = False

    async def _answered(self) -> None:
        if self.is_held:
            self.waiting.append(asyncio.get_running_loop().create_future())
            await self.waiting[-1]

    async def get(self, table: str, partition: str, row: str) -> Entity:
        """Return an entity. Raises: NotFound."""
        await self._answered()
        return await super().get(table, partition, row)

    async def query(self, table: str, **options: Any) -> AsyncIterator[Entity]:  # noqa: ANN401 - passed on
        """Iterate over entities."""
        await self._answered()
        async for entity in super().query(table, **options):
            yield entity

    async def rounds(self, request: asyncio.Future[Any]) -> int:
        """Return how often a request waits until it is done."""
        rounds = 0
        while True:
            for _ in range(_SETTLED):
                await asyncio.sleep(0)
            if request.done():
                return rounds
            assert self.waiting, "the request waits for something other than storage"
            for future in self.waiting:
                future.set_result(None)
            self.waiting, rounds = [], rounds + 1


@pytest.mark.parametrize(
    ("path", "rounds"),
    [
        ("tenants/contoso", 1),
        ("tenants/contoso/connection", 1),
        ("tenants/contoso/preferences", 1),
        ("tenants/contoso/admins", 1),
        ("tenants/contoso/sso", 1),
        ("tenants/contoso/users", 1),
        ("tenants/contoso/locations", 1),
        ("tenants/contoso/locations/desk", 1),
        ("tenants/contoso/locations/desk/groups", 1),
        ("tenants/contoso/locations/desk/recipients?limit=100", 1),
        ("tenants/contoso/runs", 1),
        ("overview", 1),
    ],
)
async def test_a_view_waits_for_storage_once(
    routes: list[Route], monkeypatch: pytest.MonkeyPatch, path: str, rounds: int
) -> None:
    """Its latency is that of one request to storage, not of a chain of them."""
    tables, api = await _tenant(routes, monkeypatch, locations=1)
    tables.is_held = True
    request = asyncio.ensure_future(api("GET", path))
    assert await tables.rounds(request) == rounds
    assert request.result().status == 200


async def test_saving_settings_waits_as_long_for_many_locations_as_for_one(
    routes: list[Route], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their fences are raised at the same time, sixteen at most."""
    rounds = {}
    for locations in (1, 16, 17):
        tables, api = await _tenant(routes, monkeypatch, locations)
        tables.is_held = True
        request = asyncio.ensure_future(api("PUT", "tenants/contoso/preferences", {"mode": "full"}))
        rounds[locations] = await tables.rounds(request)
        assert request.result().status == 200
    assert rounds[16] == rounds[1]
    assert rounds[17] == rounds[1] + 1


async def _tenant(routes: list[Route], monkeypatch: pytest.MonkeyPatch, locations: int) -> tuple[WaitingTables, Client]:
    """Return new tables with one tenant and locations, and the API on them."""
    tables = WaitingTables()
    product = App(ports_on(tables), SETTINGS)
    for module in MODULES:
        monkeypatch.setattr(module, "app", lambda: product)
    api = Client(routes)
    await api("PUT", "tenants/contoso", {"name": "Contoso"})
    await api("PUT", "tenants/contoso/sso", {"clientId": "11111111-2222-4333-8444-555555555555"})
    await api("PUT", "tenants/contoso/locations/desk", {"name": "Desk"})
    for number in range(1, locations):
        await api("PUT", f"tenants/contoso/locations/desk-{number}", {"name": f"Desk {number}"})
    return tables, api
