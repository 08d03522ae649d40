"""Listing: reads a source page by page, from its first page to its last."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.domain.directory import Capability, DirectoryUser, Source
from shared.domain.ids import ObjectId
from shared.errors import Conflict
from shared.ports.directory import Directory

#: Maximum number of pages of a listing. No real directory has more, so a longer listing is a loop.
_MAX_PAGES: Final = 20_000


@dataclass(slots=True, kw_only=True)
class Listing:
    """One listing of one source. Another worker may continue it.

    Every listing can remove a user that it returned before. One with managers can also return a user twice.
    """

    directory: Directory
    source: Source
    managers: bool
    #: Cursor of the changes after the listing; None without a change feed, or until the listing yields it.
    change_cursor: str | None = None
    #: Users that the listing returned and removed afterwards.
    removed: set[ObjectId] = field(default_factory=set)
    #: Whether absence may be concluded from the pages read so far.
    conclusive: bool = True

    async def begin(self) -> None:
        """Take the change cursor before the first page, so that no change during the listing is missed."""
        whole = self.source.group is None and not self.managers
        if whole and Capability.CHANGE_FEED in self.directory.capabilities:
            self.change_cursor = await self.directory.change_cursor()

    async def page(self, cursor: str | None) -> tuple[Sequence[DirectoryUser], str | None]:
        """Return the users of the first page, or of the one that `cursor` names, and the next cursor.

        Raises:
            PageTokenExpired: The listing cannot be continued; a new one is needed.
            DeltaLinkExpired: As PageTokenExpired, for a listing with managers.
            SyncError: As the directory raises.
        """
        if self.managers:
            page = await self.directory.users(self.source, cursor, managers=True)
        else:
            page = await self.directory.users(self.source, cursor)
        if self.removed:
            self.removed.difference_update(user.id for user in page.users)
        self.removed.update(page.removed)
        self.change_cursor = page.change_cursor or self.change_cursor
        self.conclusive = self.conclusive and page.conclusive
        return page.users, page.next_cursor


class LoopGuard:
    """Detects a listing that loops."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def require_new(self, cursor: str) -> None:
        """Raise Conflict (`link_loop`) if the cursor was seen before, or after more pages than any directory has."""
        if cursor in self._seen or len(self._seen) >= _MAX_PAGES:
            raise Conflict(
                f"The directory returned the same page twice, or more than {_MAX_PAGES} pages.", code="link_loop"
            )
        self._seen.add(cursor)
