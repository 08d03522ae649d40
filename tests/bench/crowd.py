"""A generated directory of any size.

It is generated page by page, so that it takes no memory in the measured process.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b

from shared.domain.directory import ChangesPage, DirectoryUser, Existence, Source, UsersPage
from shared.domain.ids import ObjectId
from shared.telemetry import count_directory_request
from tests.support.fakes import FakeDirectory

#: Size of Graph's largest page.
_PAGE = 999


class Crowd(FakeDirectory):
    """`count` people with random ids in random order. `change` sets the content of the next delta."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self._changed: list[int] = []
        self._department = ""
        self._pages: dict[int, list[DirectoryUser]] = {}

    def prepare(self) -> None:
        """Generate all people now, where generating them later would be part of the measured time."""
        self._pages = {start: self._page(start) for start in range(0, self.count, _PAGE)}

    def change(self, numbers: Sequence[int], department: str = "Changed") -> None:
        """Report in the next delta that these people have changed their department."""
        self._changed = list(numbers)
        self._department = department

    async def change_cursor(self) -> str:
        """Return a cursor for the changes from now on."""
        count_directory_request()
        return "delta:0"

    async def users(self, source: Source, cursor: str | None = None, *, managers: bool = False) -> UsersPage:
        """Return a page. As over a network, other tasks run before it arrives."""
        count_directory_request()
        await asyncio.sleep(0)
        del managers
        start = int(cursor) if cursor else 0
        end = min(self.count, start + _PAGE)
        users = self._pages.get(start) or self._page(start)
        return UsersPage(users=users, next_cursor=str(end) if end < self.count else None)

    def _page(self, start: int) -> list[DirectoryUser]:
        return list(_people(range(start, min(self.count, start + _PAGE))))

    async def changes(self, cursor: str) -> ChangesPage:
        """Return all changes since the cursor, on one page."""
        count_directory_request()
        found: list[tuple[ObjectId, dict[str, str]]] = [
            (user.id, {"department": self._department}) for user in _people(self._changed)
        ]
        self._changed = []
        return ChangesPage(changes=found, next_cursor=None, change_cursor=f"{cursor}+")  # type: ignore[arg-type] # invariance

    async def check_existence(
        self, people: Sequence[ObjectId], groups: Sequence[Source]
    ) -> Mapping[ObjectId, Existence]:
        """Report that all of them exist."""
        count_directory_request()
        return dict.fromkeys(people, Existence.FOUND)


def _people(numbers: Sequence[int] | range) -> Iterator[DirectoryUser]:
    for number in numbers:
        digits = blake2b(number.to_bytes(8, "big"), digest_size=16).hexdigest()
        yield DirectoryUser(
            id=ObjectId(f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"),
            user_principal_name=f"person.{number}@contoso.example",
            display_name=f"Given{number % 977} Surname{number}",
            given_name=f"Given{number % 977}",
            surname=f"Surname{number}",
            mail=f"person.{number}@contoso.example",
            business_phone=f"+49 30 {number:07d}",
            department=f"Department {number % 50}",
            job_title=f"Title {number % 90}",
            office_location=f"B {number % 40}",
            employee_id=f"{number:07d}",
            company_name="Contoso",
        )
