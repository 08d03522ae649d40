"""Recipients as they lie in Table Storage, for comparing deployments byte by byte."""

from typing import Any

from azure.data.tables import TableServiceClient


def stored_recipients(connection_string: str, tenant: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return every recipient row of a tenant, by location and row key, without what only tells when it was written."""
    with TableServiceClient.from_connection_string(connection_string) as service:
        table = service.get_table_client("Recipients")
        rows = table.query_entities(
            "PartitionKey ge @start and PartitionKey lt @end",
            parameters={"start": f"{tenant}:", "end": f"{tenant};"},
        )
        return {
            (row["PartitionKey"].removeprefix(f"{tenant}:"), row["RowKey"]): {
                name: value for name, value in row.items() if name not in {"PartitionKey", "RowKey"}
            }
            for row in rows
            if row["RowKey"].startswith("r:")
        }
