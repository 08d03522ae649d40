"""A directory in memory that pages by id, as Microsoft Graph does: people who leave between two pages shift no one."""

from shared.domain.connections.entra.credentials import ClientSecret, Credentials
from shared.domain.directory import DirectoryUser, Source, UsersPage
from tests.support.fakes import FakeDirectory
from tests.support.world import SETTINGS


class PagedDirectory(FakeDirectory):
    """`FakeDirectory` whose cursor names the last id of a page."""

    async def users(self, source: Source, cursor: str | None = None, *, managers: bool = False) -> UsersPage:
        """Return one page of a source's users."""
        if managers:
            return await super().users(source, cursor, managers=managers)
        self.requests += 1
        rest = sorted(each for each in self._ids(source, self.people, self.members) if cursor is None or each > cursor)
        page = rest[: self.page_size]
        users = [DirectoryUser.only(each) if source.by_id else self.people[each] for each in page]
        return UsersPage(users=users, next_cursor=page[-1] if len(rest) > len(page) else None)

    @property
    def credentials(self) -> Credentials:
        """The credentials of an application that may read it."""
        return Credentials(
            azure_tenant_id=self.azure_tenant_id,
            client_id=self.client_id,
            proof=ClientSecret(value=self.secret),
            endpoints=SETTINGS.default_endpoints,
        )
