"""Runs and their changes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from shared.domain.ids import LocationId, RunId, TenantId
from shared.domain.problem import Problem
from shared.domain.recipient import Counts
from shared.domain.run import HeldDecision, LocationReport, Run, RunKind, RunMode, RunProgress, RunState
from shared.triggers.http.schemas.base import Page, View
from shared.workflows.operations.run_history import LocatedChange


class ChangesView(Page, frozen=True, kw_only=True):
    """Changes of a run."""

    changes: Sequence[LocatedChange]


class RunView(View, frozen=True, kw_only=True):
    """A run."""

    id: RunId
    tenant: TenantId
    mode: RunMode
    kind: RunKind
    preview: bool
    undoes: RunId | None
    state: RunState
    requested_at: datetime
    requested_by: str
    finished_at: datetime | None
    seconds: float | None
    counts: Counts
    locations: dict[LocationId, LocationReport]
    problems: tuple[Problem, ...]
    accepted: dict[str, tuple[str, ...]]
    held_digest: str | None
    decision: HeldDecision | None
    directory_requests: int
    storage_requests: int
    progress: RunProgress | None

    @classmethod
    def of(cls, run: Run, progress: RunProgress | None = None) -> Self:
        """Create the view of a run."""
        return cls(
            id=run.id,
            tenant=run.tenant,
            mode=run.mode,
            kind=run.kind,
            preview=run.preview,
            undoes=run.undoes,
            state=run.state,
            requested_at=run.requested_at,
            requested_by=run.requested_by,
            finished_at=run.finished_at,
            seconds=(run.finished_at - run.requested_at).total_seconds() if run.finished_at else None,
            counts=run.counts,
            locations=run.locations,
            problems=run.problems,
            accepted=run.accepted,
            held_digest=run.held_digest,
            decision=run.decision,
            directory_requests=run.directory_requests,
            storage_requests=run.storage_requests,
            progress=progress,
        )


class RunsView(Page, frozen=True, kw_only=True):
    """Runs of a tenant, newest first."""

    runs: Sequence[RunView]
