"""CPU for a page of 999 users: the product's structs, and the models of the SDK, both through the SDK's adapter."""

from typing import Any, Final

from msgraph.generated.users.users_request_builder import UsersRequestBuilder

from shared.adapters.entra.schema import SELECT
from shared.domain.directory import Source
from tests.bench.baseline import app as baseline
from tests.bench.entra import directories, directory
from tests.bench.results import Result, medians

#: Graph's largest page of users. Source: https://learn.microsoft.com/graph/api/user-list
PAGE: Final = 999
#: Pages per measurement of the structs, because they take milliseconds where the SDK's models take seconds.
_OURS: Final = 200


async def measure() -> Result:
    """Return the CPU ratio of the models to the structs."""
    async with directory(users=PAGE) as known:
        factory = directories()
        client, credential = baseline.client(known.credentials)
        query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(top=PAGE, select=SELECT.split(","))
        options: Any = UsersRequestBuilder.UsersRequestBuilderGetRequestConfiguration(query_parameters=query)

        async def ours() -> None:
            async with factory.open(known.credentials) as opened:
                for _ in range(_OURS):
                    assert len((await opened.users(Source())).users) == PAGE

        async def models() -> None:
            page: Any = await client.users.get(request_configuration=options)
            assert len(page.value) == PAGE

        async with credential:
            our, their = await medians(ours, models)
        await factory.close()
    return Result(
        key="graph_page_cpu",
        value=their.cpu_s * _OURS / our.cpu_s,
        goal=500,
        at_least=True,
        measured={
            "ours_cpu_ms_per_page": 1_000 * our.cpu_s / _OURS,
            "sdk_models_cpu_ms_per_page": 1_000 * their.cpu_s,
            "users_per_page": PAGE,
        },
    )
