"""CPU for writing rows in batches of 100: by the product, by the SDK's `submit_transaction`, and with aiohttp alone."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import aiohttp
from azure.data.tables.aio import TableClient

from shared.adapters.stores.recipient_rows import RowEncoder, row_of
from shared.adapters.tables import transactions
from shared.adapters.tables.client import Tables
from shared.adapters.tables.limits import MAX_BATCH
from shared.domain.recipient import Recipient
from tests.bench.results import Result, medians
from tests.bench.tables import recipients, service
from tests.support.table_service.server import url_of

_OURS: Final = 10_000
_THEIRS: Final = 1_000
_TABLE: Final = "Bench"
_UPSERT: Final = {"mode": "replace"}
_PARTITION: Final = "contoso:desk"


async def measure() -> Result:
    """Return the CPU ratio of the SDK to the product for a row."""
    people = recipients(_OURS)
    with service() as (connection, found):
        ours, theirs = Tables(found), TableClient.from_connection_string(connection, _TABLE)
        async with theirs, aiohttp.ClientSession() as session:

            async def write_ours() -> None:
                for some in _cut(people):
                    await ours.transact(_TABLE, _upserts(RowEncoder().rows(_PARTITION, some)))

            async def write_theirs() -> None:
                for some in _cut(people[:_THEIRS]):
                    await theirs.submit_transaction(_upserts(row_of(_PARTITION, each) for each in some))

            async def write_bare() -> None:
                for some in _cut(people):
                    operations = _upserts(RowEncoder().rows(_PARTITION, some))
                    body = transactions.compose(url_of(connection), _TABLE, operations)
                    async with session.post(
                        f"{url_of(connection)}/$batch", data=body, headers=transactions.HEADERS
                    ) as sent:
                        assert (await sent.read()).count(b"HTTP/1.1 204") == len(some)

            await ours.table(_TABLE)
            our, their = await medians(write_ours, write_theirs)
            again, bare = await medians(write_ours, write_bare)
        await ours.close()
    return Result(
        key="table_write_cpu",
        value=(their.cpu_s / _THEIRS) / (our.cpu_s / _OURS),
        goal=25,
        at_least=True,
        measured={
            "ours_cpu_us_per_row": 1e6 * our.cpu_s / _OURS,
            "submit_transaction_cpu_us_per_row": 1e6 * their.cpu_s / _THEIRS,
            "bare_aiohttp_cpu_us_per_row": 1e6 * bare.cpu_s / _OURS,
            "ours_against_bare": again.cpu_s / bare.cpu_s,
            "rows_per_batch": MAX_BATCH,
        },
    )


def _cut(people: Sequence[Recipient]) -> Iterator[Sequence[Recipient]]:
    for start in range(0, len(people), MAX_BATCH):
        yield people[start : start + MAX_BATCH]


def _upserts(rows: Iterable[object]) -> list[Any]:
    return [("upsert", row, _UPSERT) for row in rows]
