"""Empty directories of each kind, which a test fills and changes."""

from typing import Any, Final, Protocol

from infra.local.demo.simulator import Simulator
from shared.adapters.entra.schema import TEXT_PATHS
from shared.domain.directory import DirectoryUser, Source
from shared.domain.ids import ObjectId
from shared.ports.directory import Directory
from tests.support.builders import person, user
from tests.support.fakes.bare import BareDirectory, bare_user, hostile_id
from tests.support.fakes.directory import FakeDirectory
from tests.support.graph_user import properties_of


class World(Protocol):
    """A directory, and how its people and groups change."""

    @property
    def directory(self) -> Directory:
        """What reads them."""

    def user(self, number: int, **fields: Any) -> DirectoryUser:  # noqa: ANN401 - values of properties
        """The n-th person as a listing has to return them."""

    async def add(self, number: int, **changes: Any) -> ObjectId:  # noqa: ANN401 - values of properties
        """The n-th person is there, as said."""

    async def change(self, number: int, **changes: Any) -> None:  # noqa: ANN401 - as above
        """The n-th person is changed."""

    async def remove(self, number: int) -> None:
        """The n-th person is gone."""

    async def group(self, number: int, *members: ObjectId) -> Source:
        """The n-th group has these members, people or groups."""


class FakeWorld:
    """The fake."""

    def __init__(self) -> None:
        self.directory = FakeDirectory()

    def user(self, number: int, **fields: Any) -> DirectoryUser:  # noqa: ANN401
        """With a GUID."""
        return user(number, **fields)

    async def add(self, number: int, **changes: Any) -> ObjectId:  # noqa: ANN401
        """In a dict."""
        self.directory.put(user(number, **changes))
        return person(number)

    async def change(self, number: int, **changes: Any) -> None:  # noqa: ANN401
        """In the dict."""
        await self.add(number, **changes)

    async def remove(self, number: int) -> None:
        """Out of the dict."""
        self.directory.remove(person(number))

    async def group(self, number: int, *members: ObjectId) -> Source:
        """In another dict."""
        self.directory.members[person(500 + number)] = list(members)
        return Source(group=person(500 + number))


class GraphWorld:
    """The adapter in front of the simulator, in an empty directory."""

    _PATH: Final = "/directories/empty"

    def __init__(self, directory: Directory, simulator: Simulator) -> None:
        self.directory = directory
        self._simulator = simulator

    def _properties(self, changes: dict[str, Any]) -> dict[str, Any]:
        named = properties_of({name: text for name, text in changes.items() if name in TEXT_PATHS})
        named |= {name: value for name, value in changes.items() if name not in TEXT_PATHS}
        if "inactive" in named:
            named["accountEnabled"] = named.pop("inactive") is None
        if "guest" in named:
            named["userType"] = "Guest" if named.pop("guest") else "Member"
        return named

    def user(self, number: int, **fields: Any) -> DirectoryUser:  # noqa: ANN401
        """With a GUID."""
        return user(number, **fields)

    async def add(self, number: int, **changes: Any) -> ObjectId:  # noqa: ANN401
        """Through the admin API."""
        known = user(number)
        properties = {
            "id": known.id,
            "userPrincipalName": known.user_principal_name,
            "displayName": known.display_name,
            "mail": known.mail,
        }
        await self._simulator.call("POST", f"{self._PATH}/users", properties | self._properties(changes))
        return known.id

    async def change(self, number: int, **changes: Any) -> None:  # noqa: ANN401
        """Through the admin API."""
        await self._simulator.call("PATCH", f"{self._PATH}/users/{person(number)}", self._properties(changes))

    async def remove(self, number: int) -> None:
        """Through the admin API."""
        await self._simulator.call("DELETE", f"{self._PATH}/users/{person(number)}")

    async def group(self, number: int, *members: ObjectId) -> Source:
        """Through the admin API."""
        body = {"displayName": f"Group {number}", "id": person(500 + number), "members": list(members)}
        await self._simulator.call("POST", f"{self._PATH}/groups", body)
        return Source(group=person(500 + number))


class BareWorld:
    """The second provider's fake, whose ids are hostile."""

    def __init__(self) -> None:
        self.directory = BareDirectory()

    def user(self, number: int, **fields: Any) -> DirectoryUser:  # noqa: ANN401
        """With a hostile id."""
        return bare_user(number, **fields)

    async def add(self, number: int, **changes: Any) -> ObjectId:  # noqa: ANN401
        """In a dict."""
        self.directory.put(bare_user(number, **changes))
        return hostile_id(number)

    async def change(self, number: int, **changes: Any) -> None:  # noqa: ANN401
        """In the dict."""
        await self.add(number, **changes)

    async def remove(self, number: int) -> None:
        """Out of the dict."""
        self.directory.remove(hostile_id(number))

    async def group(self, number: int, *members: ObjectId) -> Source:
        """In another dict."""
        group = ObjectId(f"group/{number}?#é")
        self.directory.members[group] = list(members)
        return Source(group=group)
