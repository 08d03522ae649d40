"""Client of the directory simulator's admin API, with the calls that the demo and the end-to-end tests use."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp

#: Maximum number of users per response.
_PAGE = 1_000


class Simulator:
    """Changes the sample directories of one stack."""

    def __init__(self, stack: Mapping[str, Any]) -> None:
        self._base = f"{stack['simulator_admin']}/admin"
        self._session = aiohttp.ClientSession(raise_for_status=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON of any route
        """Return the response of a route of the admin API."""
        async with self._session.request(method, f"{self._base}{path}", json=body) as response:
            return await response.json(content_type=None)

    async def found(self, directory: str, *, users: int) -> dict[str, Any]:
        """Create a directory of enabled and disabled users without groups, and return its credentials."""
        await self.call("POST", "/directories", {"name": directory, "users": users, "groups": 0})
        description: dict[str, Any] = await self.call("GET", f"/directories/{directory}")
        return description

    async def groups(self, directory: str) -> list[str]:
        """Return the ids of the groups of a directory."""
        groups = (await self.call("GET", f"/directories/{directory}"))["groups"]
        return [str(group["id"]) for group in groups]

    async def users(self, directory: str) -> list[dict[str, Any]]:
        """Return all users of a directory with all properties."""
        users: list[dict[str, Any]] = []
        for start in range(0, 1_000_000, _PAGE):
            path = f"/directories/{directory}/users?from={start}&count={_PAGE}"
            page = (await self.call("GET", path))["users"]
            if not page:
                break
            users += page
        return users

    async def people(self, directory: str, count: int) -> list[str]:
        """Return the ids of the first users of a directory, at most one page."""
        page = await self.call("GET", f"/directories/{directory}/users?from=0&count={count}")
        return [str(user["id"]) for user in page["users"]]

    async def members(self, directory: str, group: str, *, transitive: bool = True) -> set[str]:
        """Return the ids of the users in a group, to compare recipients with."""
        path = f"/directories/{directory}/groups/{group}/members?transitive={str(transitive).lower()}"
        return set((await self.call("GET", path))["users"])

    async def join(self, directory: str, name: str, *groups: str) -> str:
        """Create a user who is a member of these groups, and return the id."""
        user = str((await self.call("POST", f"/directories/{directory}/users", {"displayName": name}))["id"])
        for group in groups:
            await self.move(directory, group, add=[user])
        return user

    async def change(self, directory: str, user: str, **properties: object) -> None:
        """Change properties of a user."""
        await self.call("PATCH", f"/directories/{directory}/users/{user}", properties)

    async def leave(self, directory: str, user: str) -> None:
        """Delete a user."""
        await self.call("DELETE", f"/directories/{directory}/users/{user}")

    async def move(
        self, directory: str, group: str, *, add: list[str] | None = None, remove: list[str] | None = None
    ) -> None:
        """Add members to a group and remove members from it."""
        path = f"/directories/{directory}/groups/{group}/members"
        await self.call("POST", path, {"add": add or [], "remove": remove or []})
