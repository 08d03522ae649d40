"""CPU for reading a location's recipients: as structs by the product's reader, and by the SDK's `query_entities`."""

from typing import Final

from azure.data.tables.aio import TableClient

from shared.adapters.stores import keys
from shared.adapters.stores.recipient_rows import row_of
from shared.adapters.stores.recipients import COLUMNS, TableRecipientStore
from shared.adapters.stores.table_names import RECIPIENTS
from shared.adapters.tables.client import Tables
from shared.adapters.tables.limits import MAX_BATCH
from shared.domain.ids import LocationId, TenantId
from tests.bench.results import Result, medians
from tests.bench.tables import recipients, service

_ROWS: Final = 20_000
_TENANT, _LOCATION = TenantId("contoso"), LocationId("desk")


async def measure() -> Result:
    """Return the CPU ratio of the SDK to the product for a row. Only the product makes recipients of rows."""
    partition = keys.location(_TENANT, _LOCATION)
    rows = [("create", row_of(partition, each)) for each in recipients(_ROWS)]
    with service() as (connection, found):
        tables = Tables(found)
        for start in range(0, _ROWS, MAX_BATCH):
            await tables.transact(RECIPIENTS, rows[start : start + MAX_BATCH])
        store, sdk = TableRecipientStore(tables), TableClient.from_connection_string(connection, RECIPIENTS)

        async def ours() -> None:
            assert len([each async for each in store.list_recipients(_TENANT, _LOCATION)]) == _ROWS

        async def theirs() -> None:
            found = sdk.query_entities(f"PartitionKey eq '{partition}'", select=list(COLUMNS))
            assert len([each async for each in found]) == _ROWS

        async with sdk:
            our, their = await medians(ours, theirs)
        await tables.close()
    return Result(
        key="table_read_cpu",
        value=their.cpu_s / our.cpu_s,
        goal=6,
        at_least=True,
        measured={
            "ours_cpu_us_per_row": 1e6 * our.cpu_s / _ROWS,
            "query_entities_cpu_us_per_row": 1e6 * their.cpu_s / _ROWS,
            "columns": len(COLUMNS),
        },
    )
