"""A connection's name leads to its account."""

import pytest

from infra.local.functions_host.connections import Connections
from infra.local.functions_host.errors import Misconfigured

IDENTITY = {
    "Store__queueServiceUri": "https://127.0.0.1:10001/devstoreaccount1",
    "Store__credential": "managedidentity",
    "Store__clientId": "0f8fad5b-d9cb-469f-a165-70867728950e",
}
TEXT = "AccountName=a;AccountKey=a2V5;QueueEndpoint=http://127.0.0.1:7/a;DefaultEndpointsProtocol=http"


async def url_of(environ: dict[str, str], connection: str) -> str:
    """Where the queues of a connection are."""
    connections = Connections(environ)
    try:
        return str(connections.queues(connection).url).rstrip("/")
    finally:
        await connections.close()


async def test_connection_strings() -> None:
    """A setting, one with the host's prefix, or the word for development storage tell the account."""
    assert await url_of({"Store": TEXT}, "Store") == "http://127.0.0.1:7/a"
    assert await url_of({"AzureWebJobsStore": TEXT}, "Store") == "http://127.0.0.1:7/a"
    development = await url_of({"AzureWebJobsStorage": "UseDevelopmentStorage=true"}, "AzureWebJobsStorage")
    assert development == "http://127.0.0.1:10001/devstoreaccount1"


async def test_identity() -> None:
    """A service URI with a managed identity needs no key."""
    assert await url_of(IDENTITY, "Store") == "https://127.0.0.1:10001/devstoreaccount1"


@pytest.mark.parametrize("environ", [{}, {"Store__queueServiceUri": "https://127.0.0.1:1/a"}])
async def test_incomplete(environ: dict[str, str]) -> None:
    """A connection without an account or a credential stops the start."""
    with pytest.raises(Misconfigured, match="Store"):
        await url_of(environ, "Store")
