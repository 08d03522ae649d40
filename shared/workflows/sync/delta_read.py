"""Delta read: patches the snapshot of a source with the changes that its change feed reports since."""

from collections.abc import Sequence
from typing import Final

import msgspec

from shared.domain.ids import ObjectId
from shared.domain.snapshots.changeset import Changes, is_few
from shared.domain.snapshots.delta import Patch, Patches, Unnamed, fields_of
from shared.domain.snapshots.snapshot import SnapshotManifest
from shared.domain.sync.jobs import FetchJob, FetchOutcome, FetchResult
from shared.errors import DeltaLinkExpired
from shared.ports.directory import Directory
from shared.ports.platform import IdSource
from shared.ports.snapshots import SnapshotStore
from shared.runtime.adaptive_timeout import FirstResponseGuard
from shared.runtime.fair_scheduler import cpu_slice
from shared.workflows.snapshots.patcher import Rewriting, load_page_index, looked_for
from shared.workflows.snapshots.writer import Staging
from shared.workflows.sync.directory_listing import LoopGuard

#: Number of users on a stored page that a delta read adds. It is independent of the directory's page size.
_PAGE_USERS: Final = 999


class DeltaRead(msgspec.Struct, frozen=True, kw_only=True):
    """Reads the changes of a source and patches its snapshot."""

    snapshots: SnapshotStore
    ids: IdSource

    async def __call__(
        self,
        job: FetchJob,
        directory: Directory,
        first: FirstResponseGuard,
        current: SnapshotManifest,
        change_cursor: str,
    ) -> FetchResult | None:
        """Return the result of applying the changes since `current`, or None if the source has to be listed in full.

        Raises:
            SnapshotIncomplete: Pages of `current` are missing.
            SyncError: As the directory raises.
        """
        cursor: str | None = change_cursor
        loop = LoopGuard()
        latest = change_cursor
        changes: list[Patch] = []
        while cursor is not None:
            loop.require_new(cursor)
            try:
                page = await first.await_response(directory.changes(cursor))
            except DeltaLinkExpired:
                return None
            changes += page.changes
            if page.to_read:
                changes += await _read_by_id(directory, page.to_read)
            cursor, latest = page.next_cursor, page.change_cursor or latest
        read = FetchResult(source=job.source, outcome=FetchOutcome.COMPLETE)
        if not changes:
            return msgspec.structs.replace(read, snapshot=msgspec.structs.replace(current, change_cursor=latest))
        patches = Patches(changes)
        try:
            manifest = await self._patched(job, current, patches)
        except Unnamed:
            return None
        changed = None
        if manifest.attempt != current.attempt and is_few(
            len(patches.before) + len(patches.after), current.digest.users
        ):
            changed = await self._changes(job, manifest.attempt, current, patches)
        snapshot = msgspec.structs.replace(manifest, change_cursor=latest)
        return msgspec.structs.replace(read, snapshot=snapshot, changes=changed)

    async def _changes(self, job: FetchJob, attempt: str, current: SnapshotManifest, patches: Patches) -> Changes:
        """Store the changed users, so that reconcile jobs can compare only these. Purged with superseded snapshots."""
        pages = Staging(job, self.snapshots, f"{attempt}-changes")
        people = [*patches.before, *patches.after]
        for start in range(0, len(people), _PAGE_USERS):
            await pages.add(people[start : start + _PAGE_USERS])
        await pages.flush()
        return Changes(since=current.digest, pages=pages.ref, before=len(patches.before))

    async def _patched(self, job: FetchJob, current: SnapshotManifest, patches: Patches) -> SnapshotManifest:
        """Return the manifest of a stored snapshot with the changes, or the current one if no user differs.

        Only pages that may contain a changed user are read, and only pages that differ are written again.

        Raises:
            Unnamed: A change adds a user without a user principal name.
            SnapshotIncomplete: Pages of `current` are missing.
        """
        page_index = await load_page_index(self.snapshots, job.tenant, current)
        rewriting = Rewriting.of(current, page_index, Staging(job, self.snapshots, self.ids.new_attempt_id()))
        touched = await rewriting.showing(await looked_for(patches.people))
        async for entry, users in rewriting.read(touched):
            async with cpu_slice():
                kept, removed, added = patches.on_page(users)
            if removed:
                await rewriting.replace(entry, kept, removed, added)
        newcomers = patches.newcomers()
        for start in range(0, len(newcomers), _PAGE_USERS):
            await rewriting.add(newcomers[start : start + _PAGE_USERS])
        return await rewriting.done() if patches.before or patches.after else current


async def _read_by_id(directory: Directory, people: Sequence[ObjectId]) -> list[Patch]:
    """Read users that the change feed named only by id. The patch is None if the directory no longer has the user."""
    users = {user.id: user for user in await directory.users_by_id(people)}
    return [(person, fields_of(users[person]) if person in users else None) for person in people]
