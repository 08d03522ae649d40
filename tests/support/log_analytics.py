"""A Log Analytics workspace in memory: DuckDB, for which `duckdb-kql` translates queries in KQL."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import duckdb_kql

#: The columns that queries use, of the tables that Application Insights fills.
#: Source: https://learn.microsoft.com/azure/azure-monitor/reference/tables-category
_TABLES: Final = {
    "AppTraces": "TimeGenerated TIMESTAMP, Message VARCHAR",
    "AppMetrics": "TimeGenerated TIMESTAMP, Name VARCHAR, Sum DOUBLE, Min DOUBLE, Max DOUBLE, ItemCount INTEGER, "
    "Properties JSON",
    "AppExceptions": "TimeGenerated TIMESTAMP, OperationName VARCHAR, OuterMessage VARCHAR",
    "AppAvailabilityResults": "TimeGenerated TIMESTAMP, Location VARCHAR, Success BOOLEAN",
}


class Workspace:
    """Rows with an age, and queries over the youngest of them."""

    def __init__(self) -> None:
        self.now: Final = datetime(2026, 12, 1, 12, 7, tzinfo=UTC)
        self._connection = duckdb_kql.connect()
        for name, columns in _TABLES.items():
            self._connection.execute(f"CREATE TABLE All{name} ({columns})")

    def trace(self, message: str, *, age: timedelta = timedelta()) -> None:
        """Store a log line."""
        self._insert("AppTraces", age, message)

    def metric(self, name: str, value: float, *, age: timedelta = timedelta(), **labels: str) -> None:
        """Store one value that an interval exports. Its minimum and maximum are not always there."""
        self._insert("AppMetrics", age, name, value, None, None, 1, json.dumps(labels))

    def availability(self, location: str, *, success: bool, age: timedelta = timedelta()) -> None:
        """Store the result of an availability test."""
        self._insert("AppAvailabilityResults", age, location, success)

    def query(self, text: str, window: timedelta) -> list[tuple[Any, ...]]:
        """Return the rows of a query over the rows that are younger than the window.

        Raises:
            duckdb_kql.KqlError: The query is not valid.
            duckdb.BinderException: It names a column that does not exist.
        """
        for name in _TABLES:
            since = (self.now - window).replace(tzinfo=None)
            self._connection.execute(
                f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM All{name} WHERE TimeGenerated > '{since}'"  # noqa: S608
            )
        return duckdb_kql.kql(self._connection, text).fetchall()

    def _insert(self, table: str, age: timedelta, *values: object) -> None:
        row = [(self.now - age).replace(tzinfo=None), *values]
        self._connection.execute(f"INSERT INTO All{table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608
