"""Tenants of the load: connected to directories of their own, or without one for files."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from infra.local.demo.api import Api, ApiError
from infra.local.demo.simulator import Simulator
from tests.load.traffic import FILES, LARGE, LOCATION

#: People of each directory.
PEOPLE: Final = 20
#: Number of tenants that are connected at the same time.
_CONCURRENT: Final = 6
_TOO_MANY: Final = 429


async def connect(stack: Mapping[str, Any], names: Sequence[str]) -> None:
    """Create tenants, each connected to a directory of its own."""
    slots = asyncio.Semaphore(_CONCURRENT)
    async with Simulator(stack) as simulator, Api(stack) as api:

        async def one(name: str) -> None:
            async with slots:
                directory = await simulator.found(name, users=PEOPLE)
                await _patiently(api, name, directory)

        await asyncio.gather(*map(one, names))


async def create_for_files(stack: Mapping[str, Any]) -> None:
    """Create the tenants for files, each with a location."""
    async with Api(stack) as api:
        for name in (*FILES, LARGE):
            await api.call("PUT", f"/tenants/{name}", {"name": name.title()})
            await api.call("PUT", f"/tenants/{name}/locations/{LOCATION}", {"name": "Desk"})


async def _patiently(api: Api, name: str, directory: Mapping[str, Any]) -> None:
    """Connect a tenant; wait as long as validations are limited."""
    while True:
        try:
            await api.onboard(name, directory=directory, preferences={"mode": "full"}, locations=[LOCATION])
        except ApiError as error:
            if error.status != _TOO_MANY:
                raise
            await asyncio.sleep(5)
        else:
            return
