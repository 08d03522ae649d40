"""The real Microsoft Graph SDK reads the simulator as it reads Graph."""

import warnings
from collections.abc import AsyncIterator

import httpx
import pytest
from azure.identity.aio import ClientSecretCredential

from infra.local.stack.certificates import Certificates
from tests.contracts.stand_ins.entra.talking import Talk

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the SDK warns of its own base classes when imported
    from kiota_abstractions.base_request_configuration import RequestConfiguration
    from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
    from msgraph.generated.models.o_data_errors.o_data_error import ODataError
    from msgraph.generated.users.users_request_builder import UsersRequestBuilder
    from msgraph.graph_request_adapter import GraphRequestAdapter
    from msgraph.graph_service_client import GraphServiceClient
    from msgraph_core import GraphClientFactory

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

Query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters


@pytest.fixture
async def sdk(talk: Talk, tls: Certificates) -> AsyncIterator[GraphServiceClient]:
    """The SDK's client, with its own middleware and the real credential, for fabrikam."""
    known = await talk.directory()
    root = f"{talk.entra.graph}/v1.0"
    async with (
        ClientSecretCredential(
            known["azure_tenant_id"],
            known["application_id"],
            known["client_secret"],
            authority=talk.entra.login,
            disable_instance_discovery=True,
            connection_verify=str(tls.ca),
        ) as credential,
        httpx.AsyncHTTPTransport(verify=talk.tls) as transport,  # the SDK's wrapper around it would never close it
        httpx.AsyncClient(base_url=root, transport=transport) as plain,
    ):
        client = GraphClientFactory.create_with_default_middleware(client=plain)
        provider = AzureIdentityAuthenticationProvider(
            credential, scopes=[f"{talk.entra.graph}/.default"], allowed_hosts=["127.0.0.1"]
        )
        adapter = GraphRequestAdapter(provider, client)
        adapter.base_url = root
        yield GraphServiceClient(request_adapter=adapter)


async def test_listing_with_paging(sdk: GraphServiceClient) -> None:
    """All users come through the SDK's request builders, models and nextLinks."""
    configuration = RequestConfiguration(query_parameters=Query(select=["id", "displayName"], top=20))
    page = await sdk.users.get(configuration)
    found: list[str | None] = []
    while page is not None:
        found.extend(user.id for user in page.value or [])
        if page.odata_next_link is None:
            break
        page = await sdk.users.with_url(page.odata_next_link).get()
    assert len(set(found)) == len(found) == 30


async def test_members_and_delta(sdk: GraphServiceClient, talk: Talk) -> None:
    """Transitive members are typed, and a delta round ends with a deltaLink."""
    group = (await talk.directory())["groups"][0]["id"]
    members = await sdk.groups.by_group_id(group).transitive_members.get()
    assert members is not None
    assert {member.odata_type for member in members.value or []} == {"#microsoft.graph.user"}
    delta = await sdk.users.delta.get()
    assert delta is not None
    assert delta.odata_delta_link


async def test_errors(sdk: GraphServiceClient, talk: Talk) -> None:
    """A refusal arrives as the SDK's own error, with Graph's code."""
    with pytest.raises(ODataError) as caught:
        await sdk.users.by_user_id("nobody@nowhere.example").get()
    assert caught.value.response_status_code == 404
    assert caught.value.error is not None
    assert caught.value.error.code == "Request_ResourceNotFound"
