"""The storage emulator as the tests and the stack use it."""

from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from infra.local.azurite import Azurite


def test_blobs_queues_and_tables_answer_the_real_clients(azurite: Azurite) -> None:
    """One connection string opens all three services."""
    with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
        tables.create_table("probe")
        assert "probe" in [table.name for table in tables.list_tables()]
    with QueueServiceClient.from_connection_string(azurite.connection_string) as queues:
        queues.create_queue("probe")
        assert queues.url.startswith(azurite.queue_url)
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        blobs.create_container("probe")
        assert blobs.url.startswith(azurite.blob_url)
