"""Azurite answers the same with an index of its rows as without."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableClient, TableServiceClient, UpdateMode

from infra.local.azurite import Azurite, running_azurite
from tests.support import seeds

_PARTITIONS: Final = ("hall", "hall!", "Hall", "desk|ä", "🏤")
_ROWS: Final = (*(f"r:{number:02}" for number in range(30)), "j:", "j:!", "r:é", "r:🙂", "R:1", "!fence")
_FILTERS: Final = (
    "",
    "PartitionKey eq 'hall'",
    "PartitionKey eq 'nowhere'",
    "PartitionKey eq '🏤' and RowKey ge 'r:'",
    "RowKey ge 'j:' and RowKey lt 'j;' and PartitionKey eq 'hall'",
    "PartitionKey ge 'd' and PartitionKey lt 'hall~' and RowKey gt 'j:' and RowKey le 'r:20'",
    "PartitionKey eq 'hall' and (RowKey eq 'r:01' or RowKey eq '!fence')",
    "PartitionKey eq 'hall' and RowKey eq 'r:07'",
    "not (PartitionKey eq 'hall') and RowKey ne 'r:01'",
    "'hall' eq PartitionKey",
    "PartitionKey eq 'hall' or value gt 50",
    "PartitionKey ge 'hall' and PartitionKey le 'hall!'",
    "PartitionKey gt 'desk' and value le 50 and RowKey ge 'r:05' and RowKey ge 'r:10'",
)
#: Operations, and rows of a page.
_STEPS: Final = 80
_PAGE: Final = 7


@pytest.fixture
def tables(azurite: Azurite, tmp_path: Path) -> Iterator[tuple[TableClient, TableClient]]:
    """Return an empty table without, and one with an index."""
    with ExitStack() as stack:
        indexed = stack.enter_context(running_azurite(tmp_path / "azurite.log", indexed=True))
        clients = []
        for emulator in (azurite, indexed):
            service = stack.enter_context(TableServiceClient.from_connection_string(emulator.connection_string))
            clients.append(stack.enter_context(service.create_table("Compared")))
        yield clients[0], clients[1]


def test_each_answer_is_the_same(tables: tuple[TableClient, TableClient]) -> None:
    """Of writes and refusals, batches that are undone, and queries in pages, whatever was written before."""
    random = Random(seeds.SEED)
    for _ in range(_STEPS):
        batch = [_operation(random) for _ in range(random.choice((1, 1, 2, 5)))]
        partition, stale = random.choice(_PARTITIONS), random.random() < 0.1
        plain, indexed = (_sent(table, partition, batch, stale=stale) for table in tables)
        assert indexed == plain
        where = random.choice(_FILTERS)
        assert _listed(tables[1], where) == _listed(tables[0], where), where
    for where in _FILTERS:
        assert _listed(tables[1], where) == _listed(tables[0], where), where


def _operation(random: Random) -> tuple[str, str, int]:
    return random.choice(("create", "upsert", "merge", "replace", "delete")), random.choice(_ROWS), random.randrange(99)


def _sent(table: TableClient, partition: str, batch: Sequence[tuple[str, str, int]], *, stale: bool) -> object:
    """Send operations on a partition as one batch, with the ETags that are stored, and return the statuses."""
    operations: list[Any] = []
    for does, row, value in batch:
        entity = {"PartitionKey": partition, "RowKey": row, "value": value, f"v{value % 3}": "x"}
        found = [] if stale else list(table.query_entities(f"PartitionKey eq '{partition}' and RowKey eq '{row}'"))
        etag = found[0].metadata["etag"] if found else "W/\"datetime'2020-01-01T00%3A00%3A00.0000000Z'\""
        condition = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        if does in {"merge", "replace"}:
            operations.append(("update", entity, {"mode": UpdateMode(does), **condition}))
        else:
            operations.append((does, entity, condition if does == "delete" else {}))
    try:
        return len(table.submit_transaction(operations))
    except HttpResponseError as error:
        return error.status_code, str(getattr(error, "error_code", None))  # set by the SDK without a declaration


def _listed(table: TableClient, where: str) -> list[list[dict[str, Any]]]:
    """Return the pages of a query."""
    pages = table.query_entities(where, results_per_page=_PAGE).by_page()
    return [[dict(row) for row in page] for page in pages]
