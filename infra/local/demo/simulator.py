"""The directory simulator's admin API, as far as the demo and the end-to-end tests change directories with it."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp

#: Users in one answer, at most.
_PAGE = 1_000


class Simulator:
    """Changes one stack's sample directories."""

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
        """Return what a route of the admin API answers."""
        async with self._session.request(method, f"{self._base}{path}", json=body) as response:
            return await response.json(content_type=None)

    async def found(self, directory: str, *, users: int) -> dict[str, Any]:
        """Make a directory of enabled and disabled users without groups, and return what leads into it."""
        await self.call("POST", "/directories", {"name": directory, "users": users, "groups": 0})
        known: dict[str, Any] = await self.call("GET", f"/directories/{directory}")
        return known

    async def groups(self, directory: str) -> list[str]:
        """Return the ids of a directory's groups."""
        found = (await self.call("GET", f"/directories/{directory}"))["groups"]
        return [str(each["id"]) for each in found]

    async def users(self, directory: str) -> list[dict[str, Any]]:
        """Return all users of a directory with every property."""
        found: list[dict[str, Any]] = []
        for start in range(0, 1_000_000, _PAGE):
            path = f"/directories/{directory}/users?from={start}&count={_PAGE}"
            page = (await self.call("GET", path))["users"]
            if not page:
                break
            found += page
        return found

    async def people(self, directory: str, count: int) -> list[str]:
        """Return the ids of a directory's first users, at most a page of them."""
        found = await self.call("GET", f"/directories/{directory}/users?from=0&count={count}")
        return [str(each["id"]) for each in found["users"]]

    async def members(self, directory: str, group: str, *, transitive: bool = True) -> set[str]:
        """Return the ids of the users in a group: the truth that recipients are compared with."""
        path = f"/directories/{directory}/groups/{group}/members?transitive={str(transitive).lower()}"
        return set((await self.call("GET", path))["users"])

    async def join(self, directory: str, name: str, *groups: str) -> str:
        """Add a user, also to these groups, and return the id."""
        user = str((await self.call("POST", f"/directories/{directory}/users", {"displayName": name}))["id"])
        for group in groups:
            await self.move(directory, group, add=[user])
        return user

    async def change(self, directory: str, user: str, **properties: object) -> None:
        """Change a user's properties."""
        await self.call("PATCH", f"/directories/{directory}/users/{user}", properties)

    async def leave(self, directory: str, user: str) -> None:
        """Delete a user."""
        await self.call("DELETE", f"/directories/{directory}/users/{user}")

    async def move(
        self, directory: str, group: str, *, add: list[str] | None = None, remove: list[str] | None = None
    ) -> None:
        """Change who is in a group."""
        path = f"/directories/{directory}/groups/{group}/members"
        await self.call("POST", path, {"add": add or [], "remove": remove or []})
