"""A small client of the product's HTTP API, for the demo and the end-to-end tests."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import aiohttp

#: States that a run does not leave without a request.
ENDED = frozenset({"done", "held", "failed", "superseded"})


class ApiError(Exception):
    """The API returned an error: `status` is the HTTP status, `problem` the problem+json body."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')}")
        self.status = status
        self.problem = problem


class Api:
    """Client for the API of a stack, configured by the content of its `stack.json`."""

    def __init__(self, stack: Mapping[str, Any]) -> None:
        self._stack = stack
        self.session = aiohttp.ClientSession(
            headers={"x-functions-key": stack["key"]}, timeout=aiohttp.ClientTimeout(total=60)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    async def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON of any route
        """Return the JSON response of a route, or None without content. Raises ApiError for an error status."""
        async with self.session.request(method, f"{self._stack['api']}{path}", json=body) as response:
            answer = await response.json(content_type=None) if response.content_length != 0 else None
            if not response.ok:
                raise ApiError(response.status, answer or {})
            return answer

    async def onboard(
        self,
        tenant: str,
        *,
        preferences: Mapping[str, object],
        locations: Sequence[str],
        mapping: Mapping[str, Sequence[str]] | None = None,
        directory: str | Mapping[str, str] | None = None,
        secret: str | None = None,
    ) -> None:
        """Create a tenant with locations and mappings, connected to a directory.

        By default, this is the sample directory of the same name. `directory` names another sample directory, or
        contains the credentials of a directory that the simulator has created.
        """
        credentials = directory if isinstance(directory, Mapping) else self._stack["directories"][directory or tenant]
        await self.call("PUT", f"/tenants/{tenant}", {"name": tenant.title()})
        await self.call("PUT", f"/tenants/{tenant}/sso", {"clientId": credentials["application_id"]})
        await self.call(
            "PUT",
            f"/tenants/{tenant}/connection",
            {
                "tenantId": credentials["azure_tenant_id"],
                "clientId": credentials["application_id"],
                "objectId": credentials["object_id"],
                "clientSecret": secret or credentials["client_secret"],
                "cloud": "global",
                "loginEndpoint": self._stack["login"],
                "graphEndpoint": self._stack["graph"],
            },
        )
        await self.call("PUT", f"/tenants/{tenant}/preferences", preferences)
        for location in locations:
            await self.call("PUT", f"/tenants/{tenant}/locations/{location}", {"name": location.title()})
        for location, groups in (mapping or {}).items():
            await self.call("PUT", f"/tenants/{tenant}/locations/{location}/groups", {"groups": list(groups)})

    async def sync(self, tenant: str, mode: str = "incremental") -> str:
        """Start a run and return its id."""
        answer = await self.call("POST", f"/tenants/{tenant}/runs", {"mode": mode})
        return str(answer["id"])

    async def follow(self, tenant: str, run: str, *, every_s: float = 0.5) -> AsyncIterator[dict[str, Any]]:
        """Yield the run repeatedly until it has ended. The last value is the ended run."""
        while True:
            answer = await self.call("GET", f"/tenants/{tenant}/runs/{run}")
            yield answer
            if answer["state"] in ENDED:
                return
            await asyncio.sleep(every_s)

    async def finished(self, tenant: str, run: str, *, timeout_s: float = 120) -> dict[str, Any]:
        """Return the run after it has ended. Raises TimeoutError after `timeout_s` seconds."""
        async with asyncio.timeout(timeout_s):
            async for answer in self.follow(tenant, run):
                last = answer
        return last

    async def recipients(self, tenant: str, location: str, **filters: str) -> list[dict[str, Any]]:
        """Return all recipients of a location, reading page by page."""
        recipients: list[dict[str, Any]] = []
        query = {"limit": "1000", **filters}
        while True:
            words = "&".join(f"{name}={value}" for name, value in query.items())
            page = await self.call("GET", f"/tenants/{tenant}/locations/{location}/recipients?{words}")
            recipients.extend(page["recipients"])
            if not page.get("cursor"):
                return recipients
            query["cursor"] = page["cursor"]
