"""Change feed: tells whether a directory has one, and remembers for a week that it does not."""

from datetime import datetime, timedelta
from typing import Final, cast

import msgspec

from shared.domain.directory import Capability, Source
from shared.domain.problem import Problem
from shared.domain.snapshots.snapshot import SnapshotManifest
from shared.domain.sync.jobs import FetchResult
from shared.ports.directory import Directory

#: Time after which a refused change feed is tried again.
TRIED_AGAIN_AFTER: Final = timedelta(days=7)
#: Code of the warning.
DELTA_UNSUPPORTED: Final = "delta_unsupported"


#: Capabilities that depend on the change feed: managers are listed by it.
_BY_FEED: Final = frozenset({Capability.CHANGE_FEED, Capability.MANAGERS})


class _WithoutFeed:
    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    @property
    def capabilities(self) -> frozenset[Capability]:
        return self._directory.capabilities - _BY_FEED

    def __getattr__(self, name: str) -> object:
        return getattr(self._directory, name)


def without_feed(directory: Directory) -> Directory:
    """Return a directory that does not have a change feed, whatever it says of itself."""
    return cast("Directory", _WithoutFeed(directory))


def has_feed(stored: SnapshotManifest | None, now: datetime) -> bool:
    """Return whether the change feed of a source may be asked for: it was not refused within the last week."""
    refused_at = stored.feed_refused_at if stored is not None else None
    return refused_at is None or now - refused_at >= TRIED_AGAIN_AFTER


def remembered(
    result: FetchResult, source: Source, directory: Directory, stored: SnapshotManifest | None, now: datetime
) -> FetchResult:
    """Return the result with what it says about the change feed: when it was refused, and a warning.

    A complete listing of all users that ends without a change cursor means that the feed was refused, by this message
    or by one before it.
    """
    snapshot = result.snapshot
    if snapshot is None or source.group is not None or Capability.CHANGE_FEED not in directory.capabilities:
        return result
    if snapshot.change_cursor is not None:
        known = msgspec.structs.replace(snapshot, feed_refused_at=None)
        return msgspec.structs.replace(result, snapshot=known)
    earlier = stored.feed_refused_at if stored is not None and not has_feed(stored, now) else None
    problem = Problem(
        concerns=source.subject,
        code=DELTA_UNSUPPORTED,
        detail="The directory refuses to report changes, so every sync lists all users. In a week it is asked again.",
    )
    return msgspec.structs.replace(
        result,
        snapshot=msgspec.structs.replace(snapshot, feed_refused_at=earlier or now),
        warnings=(*result.warnings, problem),
    )
