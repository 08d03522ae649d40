"""Listing: a source read page by page, from its first to its last."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.domain.directory import DirectoryUser, Source
from shared.domain.ids import ObjectId
from shared.domain.snapshots.delta import apply_delta
from shared.errors import Transient
from shared.ports.directory import Directory


@dataclass(slots=True, kw_only=True)
class Listing:
    """One listing of one source, which may go on in another worker.

    Managers are no property of users but a relationship, which only a delta query lists for everybody: with `managers`
    the whole directory is read as the first round of one. Such a round can name somebody twice, and take back somebody
    whom it has named.
    """

    directory: Directory
    source: Source
    managers: bool
    #: Leads to what changes after the listing; None where the source has no such link, or not yet.
    delta_link: str | None = None
    #: Who was named and then taken back.
    removed: set[ObjectId] = field(default_factory=set)

    async def begin(self) -> None:
        """Take the delta link before the first page, so that nobody who changes during the listing is missed."""
        if self.source.group is None and not self.managers:
            self.delta_link = await self.directory.latest_delta_link()

    async def page(self, link: str | None) -> tuple[Sequence[DirectoryUser], str | None]:
        """Return the users of the first page, or of the one that `link` names, and the next link; None at the end.

        Raises: PageTokenExpired, DeltaLinkExpired when only a new listing helps; and as the directory does.
        """
        if not self.managers:
            found = await self.directory.users(self.source, link)
            return found.users, found.next_link
        page = await self.directory.changed_users(link or self.directory.everybody_with_managers())
        self.delta_link = page.delta_link
        for person, fields in page.changes:
            if fields is None:
                self.removed.add(person)
            else:
                self.removed.discard(person)
        users = apply_delta({}, [change for change in page.changes if change[1] is not None])
        if users is None:
            raise Transient("Microsoft Graph lists somebody without a name; try again.", code="bad_answer")
        return [user for user in users.values() if user.id not in self.removed], page.next_link
