"""Reads users with the Graph SDK's models and writes them with `submit_transaction`, location by location.

It has none of the product's guarantees: no snapshot, comparison with stored rows, journal, fence or guard.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from azure.data.tables.aio import TableClient
from azure.identity.aio import ClientSecretCredential
from msgraph.generated.models.user import User
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph.graph_service_client import GraphServiceClient

from shared.domain.connections.entra.credentials import ClientSecret, Credentials

_PAGE: Final = 999
#: Operations per transaction. Source: the documentation of `submit_transaction`
_BATCH: Final = 100
_PROPERTIES: Final = (
    "display_name",
    "given_name",
    "surname",
    "mail",
    "mobile_phone",
    "department",
    "job_title",
    "office_location",
    "employee_id",
    "company_name",
)


def client(credentials: Credentials) -> tuple[GraphServiceClient, ClientSecretCredential]:
    """Return the SDK's client, and the credential to close after it."""
    assert isinstance(credentials.proof, ClientSecret)
    credential = ClientSecretCredential(
        credentials.azure_tenant_id,
        credentials.client_id,
        credentials.proof.value,
        authority=credentials.endpoints.login,
        disable_instance_discovery=True,
    )
    graph = credentials.endpoints.graph
    found = GraphServiceClient(credentials=credential, scopes=[f"{graph}/.default"])
    found.request_adapter.base_url = f"{graph}/v1.0"
    return found, credential


async def users(graph: GraphServiceClient, select: Sequence[str]) -> AsyncIterator[list[User]]:
    """Iterate over the pages of all users."""
    query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(top=_PAGE, select=list(select))
    options = UsersRequestBuilder.UsersRequestBuilderGetRequestConfiguration(query_parameters=query)
    page = await graph.users.get(request_configuration=options)
    while page is not None:
        yield page.value or []
        if page.odata_next_link is None:
            break
        page = await graph.users.with_url(page.odata_next_link).get()


async def write(table: TableClient, location: str, people: Sequence[User]) -> None:
    """Store all users as recipients of a location."""
    rows = [_row(location, person) for person in people]
    for start in range(0, len(rows), _BATCH):
        await table.submit_transaction([("upsert", row) for row in rows[start : start + _BATCH]])


def _row(location: str, person: User) -> dict[str, Any]:
    row = {"PartitionKey": location, "RowKey": str(person.id), "origin": "directory", "status": "active"}
    return row | {name: value for name in _PROPERTIES if (value := getattr(person, name)) is not None}
