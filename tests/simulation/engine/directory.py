"""A directory in memory that pages by id, as Microsoft Graph does: people who leave between two pages shift no one.

It can refuse requests, name a page twice, forget its change feed and lose groups, until it is healed.
"""

from collections.abc import Mapping, Sequence

import msgspec

from shared.domain.connections.entra.credentials import ClientSecret, Credentials
from shared.domain.directory import DirectoryUser, Source, UsersPage
from shared.domain.ids import ObjectId
from tests.support.fakes import FakeDirectory
from tests.support.world import SETTINGS


class PagedDirectory(FakeDirectory):
    """`FakeDirectory` whose cursor names the last id of a page."""

    def __init__(self) -> None:
        super().__init__(page_size=3)
        #: What the next requests are answered with.
        self.errors: list[Exception] = []
        #: Whether the next page that continues a listing names itself as the one that follows.
        self.loops = False
        #: Whether a listing may have been inconclusive, or a question about a person unanswered: changes that follow
        #: prove no absence, a full run does.
        self.doubted = False
        #: Whether it shows null instead of names.
        self.withholds = False
        #: Groups that were deleted, with their members.
        self.lost: dict[ObjectId, list[ObjectId]] = {}

    def heal(self) -> None:
        """Answer every request again."""
        self.errors.clear()
        self.loops = self.delta_expired = self.no_feed = False
        self.conclusive = True
        self.silent_about.clear()
        if self.withholds:
            self.withholds = False
            self.put(*self.people.values())
        self.members.update(self.lost)
        self.lost.clear()

    async def users(self, source: Source, cursor: str | None = None, *, managers: bool = False) -> UsersPage:
        """Return one page of a source's users."""
        if managers:
            return await super().users(source, cursor, managers=managers)
        self.requests += 1
        if self.loops and cursor is not None:
            self.loops = False
            return UsersPage(users=[], next_cursor=cursor)
        rest = sorted(each for each in self._ids(source, self.people, self.members) if cursor is None or each > cursor)
        page = rest[: self.page_size]
        users = [DirectoryUser.only(each) if source.by_id else self._visible(each) for each in page]
        next_cursor = page[-1] if len(rest) > len(page) else None
        return UsersPage(users=users, next_cursor=next_cursor, conclusive=self.conclusive)

    async def users_by_id(self, people: Sequence[ObjectId]) -> Mapping[ObjectId, DirectoryUser | None]:
        """Return the users, None for one who is not there."""
        found = await super().users_by_id(people)
        return {one: user and self._visible(one) for one, user in found.items()}

    def _visible(self, one: ObjectId) -> DirectoryUser:
        user = self.people[one]
        return msgspec.structs.replace(user, display_name=None) if self.withholds else user

    @property
    def credentials(self) -> Credentials:
        """The credentials of an application that may read it."""
        return Credentials(
            azure_tenant_id=self.azure_tenant_id,
            client_id=self.client_id,
            proof=ClientSecret(value=self.secret),
            endpoints=SETTINGS.default_endpoints,
        )
