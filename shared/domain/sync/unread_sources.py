"""What a run adds to the knowledge about groups that could not be read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from shared.domain.ids import SourceId
from shared.domain.run import Plan
from shared.domain.sync.jobs import FetchOutcome, FetchResult
from shared.domain.unread_source import UnreadSource

#: Maximum number of groups about which a tenant's state keeps this; of more, those that were refused first.
_MAX_KEPT: Final = 500


def unread_after(
    plan: Plan, before: Mapping[SourceId, UnreadSource], fetched: Mapping[SourceId, FetchResult], now: datetime
) -> dict[SourceId, UnreadSource]:
    """Return what is known of a tenant's mapped groups after a run.

    A run without an answer about a group changes nothing, nor does a preview.
    """
    if plan.preview:
        return dict(before)
    after: dict[SourceId, UnreadSource] = {}
    for source in (name for name, source in plan.sources.items() if source.group is not None):
        known, result = before.get(source), fetched.get(source)
        if result is not None and (result.refused or result.missing):
            since = known or UnreadSource(refused_since=now)
            missing = (since.missing_since or now) if result.missing else None
            after[source] = msgspec.structs.replace(since, missing_since=missing)
        elif known is not None and (result is None or result.outcome is FetchOutcome.FAILED):
            after[source] = known
    first = sorted(after, key=lambda source: (after[source].refused_since, source))
    return {source: after[source] for source in first[:_MAX_KEPT]}
