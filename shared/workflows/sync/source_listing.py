"""Source listing: a source, or the changes of its snapshot, page by page, from the first page to the last."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.domain.directory import Capability, Source
from shared.domain.snapshots.delta import Item, RoundUnusable, fields_of, item_of
from shared.domain.sync.jobs import FetchCheckpoint
from shared.errors import Conflict
from shared.ports.directory import Directory
from shared.workflows.sync.confirmation import Confirmation

#: Maximum number of pages of a listing. No real directory has more, so a longer listing is a loop.
_MAX_PAGES: Final = 20_000
#: Maximum number of items of a round of changes: this many times the people of its snapshot...
_MAX_SHARE: Final = 2
#: ...and this number beyond. Listing the source takes less time and memory than a longer round.
_MAX_MORE: Final = 10_000


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


class Bounds:
    """Bounds of a listing or a round of changes, over all messages of its job."""

    def __init__(self, before: FetchCheckpoint, snapshot_users: int) -> None:
        """Start where earlier messages ended. `snapshot_users` is the number of people in the stored snapshot."""
        self._before = before
        self._max_items = _MAX_SHARE * snapshot_users + _MAX_MORE
        self._seen: set[str] = set()

    def require_new(self, cursor: str, items: int) -> None:
        """Check the cursor of the next page. `items` is the number of items that this message has read.

        Raises:
            RoundUnusable: A round of changes loops, or has more items than are worth reading.
            Conflict: A listing loops, or has more pages than any directory (`link_loop`).
        """
        loops = cursor in self._seen or self._before.pages + len(self._seen) >= _MAX_PAGES
        self._seen.add(cursor)
        if self._before.base is not None and (loops or self._before.users + items > self._max_items):
            raise RoundUnusable
        if loops:
            raise Conflict(
                f"The directory returned the same page twice, or more than {_MAX_PAGES} pages.", code="link_loop"
            )
