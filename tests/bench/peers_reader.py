"""The product's side of `peers`: a reader made of the parts that read directories and make recipients.

Client, listings and decisions are the deployed ones. A run also has jobs with results, snapshots, and the comparison
with stored rows; `peers_run` measures all of that. As with the other readers, rows are not encoded for a store.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from typing import Final

from shared.adapters.entra.sessions import EntraSession
from shared.domain.directory import DirectoryUser, Source
from shared.domain.ids import ObjectId, object_id
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.reconcile.decide import decide
from shared.domain.reconcile.provenance import Provenance
from shared.domain.reconcile.write import Write
from shared.domain.sync.jobs import FetchCheckpoint
from shared.workflows.sync.source_listing import SourceListing
from tests.bench import entra
from tests.bench.peers_process import Reading
from tests.bench.results import spent

_PREFERENCES: Final = Preferences(mode=Mode.GROUPS)

_Pages = asyncio.Queue[Sequence[DirectoryUser] | None]


@asynccontextmanager
async def reader(known: entra.Directory) -> AsyncIterator[Callable[[], Awaitable[Reading]]]:
    """Yield a function that reads the directory once more: over the same connections, but without a token."""
    factory = entra.directories()
    groups = [object_id(each["id"]) for each in known.known["groups"]]
    try:
        async with factory.open(known.credentials) as directory:
            yield lambda: _reading(directory, groups)
    finally:
        await factory.close()


async def _reading(directory: EntraSession, groups: Sequence[ObjectId]) -> Reading:
    found = _Found(directory, groups)
    took = await spent(found.read)
    return Reading(
        wall_s=took.wall_s,
        cpu_s=took.cpu_s,
        people=len(found.rows),
        memberships=sum(len(each.recipient.groups) for each in found.rows),
        groups=found.groups,
    )


class _Found:
    """The result of one reading."""

    def __init__(self, directory: EntraSession, groups: Sequence[ObjectId]) -> None:
        self._directory = directory
        self._mapped = groups
        self._pages: _Pages = asyncio.Queue()
        self.rows: list[Write] = []
        self.groups = 0

    async def read(self) -> None:
        """Read users, groups and members concurrently. A page of users becomes rows once the members are known."""
        await self._directory.token()
        async with asyncio.TaskGroup() as tasks:
            names = tasks.create_task(self._directory.groups_by_id(self._mapped))
            holding = tasks.create_task(self._holding())
            tasks.create_task(self._everybody())
            provenance = await holding
            while (users := await self._pages.get()) is not None:
                self.rows += decide({user.id: user for user in users}, (), _PREFERENCES, None, provenance).writes
        self.groups = len(names.result())

    async def _everybody(self) -> None:
        async for users in _listed(self._directory, Source()):
            self._pages.put_nowait(users)
        self._pages.put_nowait(None)

    async def _holding(self) -> Provenance:
        """Return the groups of each user."""
        held_by: dict[ObjectId, list[ObjectId]] = defaultdict(list)
        members = await asyncio.gather(*(self._members(group) for group in sorted(self._mapped)))
        for group, pages in zip(sorted(self._mapped), members, strict=True):
            for user in chain.from_iterable(pages):
                held_by[user.id].append(group)
        return Provenance(held_by=held_by)

    async def _members(self, group: ObjectId) -> list[Sequence[DirectoryUser]]:
        return [users async for users in _listed(self._directory, Source(group=group, by_id=True))]


async def _listed(directory: EntraSession, source: Source) -> AsyncIterator[Sequence[DirectoryUser]]:
    listing = SourceListing(directory=directory, source=source, managers=False, position=FetchCheckpoint())
    await listing.begin()
    more = True
    while more:
        users = [item for item in await listing.page() if isinstance(item, DirectoryUser)]
        more = listing.position.next_cursor is not None
        yield users
