"""Observed directory: notes what a directory shows while a source is read, for the checks of the whole source."""

from typing import Final, cast

from shared.domain.directory import Capability, ChangesPage, Source, UsersPage
from shared.domain.snapshots.snapshot import SnapshotManifest
from shared.domain.snapshots.withheld import Cleared, Visible
from shared.ports.directory import Directory
from shared.runtime.fair_scheduler import cpu_slice

#: Capabilities that depend on the change feed: managers are listed by it.
_BY_FEED: Final = frozenset({Capability.CHANGE_FEED, Capability.MANAGERS})


class ObservedDirectory:
    """A directory whose pages are noted as they pass: the properties that they show, or take away.

    It does not have the change feed while `has_feed` is false, whatever the directory says of itself.
    """

    def __init__(self, directory: Directory, stored: SnapshotManifest | None, *, has_feed: bool) -> None:
        self._directory = directory
        self.has_feed = has_feed
        self._stored = stored
        self._stored_users = stored.users if stored is not None else 0
        #: What the listing has shown; None if there was none, or if an earlier message began it.
        self.visible: Visible | None = None
        #: What the changes have taken away; None if none were read, or if an earlier message began them.
        self.cleared: Cleared | None = None

    @property
    def as_directory(self) -> Directory:
        """The same, as the protocol whose other methods it passes on."""
        return cast("Directory", self)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """The capabilities of the directory, without those that a refused change feed takes away."""
        return self._directory.capabilities - (frozenset() if self.has_feed else _BY_FEED)

    def __getattr__(self, name: str) -> object:
        return getattr(self._directory, name)

    async def users(self, source: Source, cursor: str | None = None, *, managers: bool = False) -> UsersPage:
        """Return a page of the listing, and note what it shows."""
        if managers:
            page = await self._directory.users(source, cursor, managers=True)
        else:
            page = await self._directory.users(source, cursor)
        self.cleared = None  # a listing replaces the changes
        if cursor is None:
            self.visible = Visible()
        if self.visible is not None and not source.by_id:
            async with cpu_slice():
                self.visible = self.visible.after(page.users, self._stored_users)
        return page

    async def changes(self, cursor: str) -> ChangesPage:
        """Return a page of changes, and note what it takes away."""
        page = await self._directory.changes(cursor)
        if self.cleared is not None or (self._stored is not None and cursor == self._stored.change_cursor):
            self.cleared = (self.cleared or Cleared()).after(page.changes)
        return page
