"""CPU for a page of 999 users as structs: through the SDK's adapter, and with httpx, msgspec and the same cleaning."""

import ssl
from typing import Final

import httpx

from shared.adapters.entra import links
from shared.adapters.entra.decoding import decode
from shared.adapters.entra.schema import UserPage
from shared.adapters.entra.user_mapping import user_of
from shared.domain.directory import Source
from tests.bench.entra import certificates, directories, directory
from tests.bench.graph_page_cpu import PAGE
from tests.bench.results import Result, medians

_PAGES: Final = 100


async def measure() -> Result:
    """Return the CPU ratio of the product to the minimum."""
    async with directory(users=PAGE) as known:
        factory = directories()
        credentials = known.credentials
        url = links.users(credentials.endpoints.graph, Source())
        trusted = ssl.create_default_context(cafile=str(certificates().bundle))
        async with httpx.AsyncClient(verify=trusted, trust_env=False) as bare:
            answer = await bare.post(
                f"{credentials.endpoints.login}/{credentials.azure_tenant_id}/oauth2/v2.0/token",
                data={
                    "grant_type": "client_credentials",
                    "client_id": credentials.client_id,
                    "client_secret": credentials.proof.value,  # type: ignore[union-attr] # the simulator's is a secret
                    "scope": f"{credentials.endpoints.graph}/.default",
                },
            )
            headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

            async def floor() -> None:
                for _ in range(_PAGES):
                    content = (await bare.get(url, headers=headers)).content
                    assert len(list(map(user_of, decode(content, UserPage).value))) == PAGE

            async def ours() -> None:
                async with factory.open(credentials) as opened:
                    for _ in range(_PAGES):
                        assert len((await opened.users(Source())).users) == PAGE

            our, least = await medians(ours, floor)
        await factory.close()
    return Result(
        key="graph_page_floor",
        value=our.cpu_s / least.cpu_s,
        goal=1.3,
        measured={
            "ours_cpu_ms_per_page": 1_000 * our.cpu_s / _PAGES,
            "floor_cpu_ms_per_page": 1_000 * least.cpu_s / _PAGES,
            "users_per_page": PAGE,
        },
    )
