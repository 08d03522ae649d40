"""Snapshots in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence

from shared.domain.ids import SourceId, TenantId
from shared.domain.snapshots.page import Page, PageIndexEntry
from shared.domain.snapshots.snapshot import SnapshotManifest, is_page_of, page_key


class FakeSnapshotStore:
    """`SnapshotStore` in dicts."""

    def __init__(self) -> None:
        self._current: dict[tuple[TenantId, SourceId], tuple[int, SnapshotManifest]] = {}
        self._pages: dict[tuple[TenantId, SourceId, str], Page] = {}

    @property
    def page_keys(self) -> list[str]:
        """Return where pages are, whosever they are."""
        return [place for _, _, place in self._pages]

    def lose(self, tenant: TenantId, source: SourceId, place: str) -> None:
        """Let a page be gone."""
        del self._pages[tenant, source, place]

    async def find_current(self, tenant: TenantId, source: SourceId) -> SnapshotManifest | None:
        """Return the manifest of the last complete read whose changes were applied."""
        found = self._current.get((tenant, source))
        return None if found is None else found[1]

    async def stage(self, tenant: TenantId, source: SourceId, attempt: str, first: int, pages: Sequence[Page]) -> None:
        """Store pages of an attempt, numbered from `first` on; the same ones may be stored again."""
        for number, page in enumerate(pages, first):
            self._pages[tenant, source, page_key(attempt, number)] = page

    async def list_page_index(self, tenant: TenantId, ref: SnapshotManifest) -> AsyncIterator[PageIndexEntry]:
        """Iterate over the marks of a snapshot's pages in order, as they are there."""
        for place, page in self._of(tenant, ref):
            yield PageIndexEntry(place, page.digest, page.id_hashes)

    async def list_pages(
        self, tenant: TenantId, ref: SnapshotManifest, only: Collection[str] | None = None
    ) -> AsyncIterator[bytes]:
        """Iterate over the pages of a snapshot in order, as they are there; `only` names some of their page_keys."""
        for place, page in self._of(tenant, ref):
            if only is None or place in only:
                yield page.content

    def _of(self, tenant: TenantId, ref: SnapshotManifest) -> Iterator[tuple[str, Page]]:
        is_page = is_page_of(ref)
        for key in sorted(self._pages):
            if key[:2] == (tenant, ref.source) and is_page(key[2]):
                yield key[2], self._pages[key]

    async def commit(
        self,
        tenant: TenantId,
        ref: SnapshotManifest,
        fencing_token: int,
        *,
        sweep: bool = True,
        guard: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Make a snapshot current and delete all other pages of its source; nothing if a newer fencing token did so."""
        found = self._current.get((tenant, ref.source))
        if found is not None and found[0] > fencing_token:
            return
        self._current[tenant, ref.source] = (fencing_token, ref)
        sweep = sweep or (found is not None and found[1].attempt != ref.attempt)
        is_page = is_page_of(ref)
        left = [key for key in self._pages if key[:2] == (tenant, ref.source) and not is_page(key[2])]
        if sweep and left:
            if guard is not None:
                await guard()
            for key in left:
                self._pages.pop(key, None)

    async def delete_all(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""
        self._current = {key: each for key, each in self._current.items() if key[0] != tenant}
        self._pages = {key: page for key, page in self._pages.items() if key[0] != tenant}
