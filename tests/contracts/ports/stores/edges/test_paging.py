"""Queries whose answers come in pages, some of them empty, as the service is free to give them."""

from aiohttp import web

from shared.adapters.stores import (
    TableConnectionStore,
    TableRecipientStore,
    TableSyncStateStore,
    TableTenantStore,
)
from shared.domain.ids import LocationId, TenantId
from shared.telemetry import count_requests
from tests.contracts.ports.stores.edges.service import running

#: More than the SDK's flat iterator survives, which calls itself for each.
MANY = 1_500


def page(*names: str, more: bool) -> web.Response:
    """Return one page of tenants, and whether another follows."""
    headers = {"x-ms-continuation-NextPartitionKey": "1!8!YQ--", "x-ms-continuation-NextRowKey": "1!8!Yg--"}
    rows = [{"PartitionKey": name, "RowKey": "tenant", "name": name.upper()} for name in names]
    return web.json_response({"value": rows}, headers=headers if more else {})


async def test_empty_pages_are_not_the_end() -> None:
    """Empty pages with a continuation, first, in between and last, lose nobody."""
    pages = [page(more=True), page("a", more=True), page(more=True), page(more=True), page("b", "c", more=True)]
    async with running(*pages, page(more=False)) as service:
        found = [tenant.id async for tenant in TableTenantStore(service.tables).list_tenants()]
    assert found == ["a", "b", "c"]
    assert len(service.seen) == 6
    assert all("NextPartitionKey=1!8!YQ--" in path for path, _ in service.seen[1:])


async def test_any_number_of_empty_pages() -> None:
    """1,500 empty pages in a row, as a filter over a large table gives, are read to the end."""
    async with running(*[page(more=True)] * MANY, page("a", more=False)) as service:
        found = [tenant.id async for tenant in TableTenantStore(service.tables).list_tenants()]
    assert found == ["a"]


async def test_every_page_counts_as_a_request() -> None:
    """A job is charged for each request that was sent, the creation of the table included."""
    with count_requests() as counters:
        async with running(page("a", more=True), page("b", more=False)) as service:
            assert [tenant.id async for tenant in TableTenantStore(service.tables).list_tenants()] == ["a", "b"]
    assert counters.storage_requests == 3


async def test_filters_are_the_service_s_to_apply() -> None:
    """Lists of tenants are filtered where they lie, by kind of row and a flag."""
    async with running(page(more=False)) as service:
        assert [state async for state in TableSyncStateStore(service.tables).list_active()] == []
        assert [tenant async for tenant in TableConnectionStore(service.tables).list_connected()] == []
    active, connected = (path.replace("%20", " ").replace("+", " ") for path, _ in service.seen)
    assert "RowKey eq 'state' and busy eq true" in active
    assert "RowKey eq 'connection'" in connected
    assert "select=PartitionKey" in connected


async def test_only_the_first_page_is_short() -> None:
    """A caller that needs more rows than expected gets full pages afterwards."""
    async with running(page(more=True), page(more=True), page(more=False)) as service:
        store = TableRecipientStore(service.tables)
        assert [one async for one in store.list_recipients(TenantId("t"), LocationId("l"), first=2_000)] == []
    assert ["top=1000" in path for path, _ in service.seen] == [True, False, False]


async def test_quotes_in_a_filter_are_doubled() -> None:
    """Nothing that stands in an id can end the text it stands in."""
    async with running(page(more=False)) as service:
        store = TableRecipientStore(service.tables)
        start = "' or PartitionKey ne '"
        assert [
            recipient async for recipient in store.list_recipients(TenantId("t"), LocationId("l"), start=start)
        ] == []
    path = service.seen[0][0].replace("%20", " ").replace("+", " ").replace("%27", "'")
    assert "RowKey ge 'r:'' or PartitionKey ne '''" in path
