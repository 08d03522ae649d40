"""Source listing: a source, or the changes of its snapshot, page by page, from the first page to the last."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.domain.directory import Capability, Source
from shared.domain.snapshots.delta import Item, fields_of, item_of
from shared.domain.sync.jobs import FetchCheckpoint
from shared.errors import Conflict
from shared.ports.directory import Directory
from shared.workflows.sync.confirmation import Confirmation

#: Maximum number of pages of a listing. No real directory has more, so a longer listing is a loop.
_MAX_PAGES: Final = 20_000


@dataclass(slots=True, kw_only=True)
class SourceListing:
    """One listing of one source, or one round of changes. Another worker may continue it at its position."""

    directory: Directory
    source: Source
    managers: bool
    #: Where it is: cursors, and whether absence may be concluded from the pages read so far.
    position: FetchCheckpoint

    async def begin(self) -> None:
        """Take the change cursor before the first page, so that no change during the listing is missed."""
        whole = self.source.group is None and not self.managers
        if whole and Capability.CHANGE_FEED in self.directory.capabilities:
            self._move(None, await self.directory.change_cursor())

    async def page(self) -> Sequence[Item]:
        """Return the items of the next page, in the order of the directory.

        Raises:
            PageTokenExpired: The listing cannot be continued; a new one is needed.
            DeltaLinkExpired: As PageTokenExpired, for a listing with managers and for changes.
            UnclearAnswer: The round of changes must be repeated.
            SyncError: As the directory raises.
        """
        cursor = self.position.next_cursor
        if self.position.base is not None and cursor is not None:
            changes = await self.directory.changes(cursor)
            items = list(map(item_of, changes.changes))
            if changes.to_read:  # the directory named them only by id; a user that it no longer has is removed
                confirmation = Confirmation(self.directory, self.source)
                users = await confirmation.of_changes(dict.fromkeys(changes.to_read, (None, None)))
                items += [item_of((person, fields_of(user) if user else None)) for person, user in users.items()]
            self._move(changes.next_cursor, changes.change_cursor)
            return items
        page = (
            await self.directory.users(self.source, cursor, managers=True)
            if self.managers
            else await self.directory.users(self.source, cursor)
        )
        self._move(page.next_cursor, page.change_cursor, conclusive=page.conclusive)
        return [*map(item_of, page.changes), *page.users]

    def _move(self, next_cursor: str | None, change_cursor: str | None, *, conclusive: bool = True) -> None:
        self.position = msgspec.structs.replace(
            self.position,
            next_cursor=next_cursor,
            change_cursor=change_cursor or self.position.change_cursor,
            conclusive=self.position.conclusive and conclusive,
        )


class LoopGuard:
    """Detects a listing that loops, after `pages` that earlier messages have read."""

    def __init__(self, pages: int = 0) -> None:
        self._pages = pages
        self._seen: set[str] = set()

    def require_new(self, cursor: str) -> None:
        """Raise Conflict (`link_loop`) if the cursor was seen before, or after more pages than any directory has."""
        if cursor in self._seen or self._pages + len(self._seen) >= _MAX_PAGES:
            raise Conflict(
                f"The directory returned the same page twice, or more than {_MAX_PAGES} pages.", code="link_loop"
            )
        self._seen.add(cursor)
