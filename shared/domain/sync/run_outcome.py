"""How a run ends: what deactivating decided, and what the results of its jobs add up to."""

from collections.abc import Mapping

import msgspec

from shared.domain.ids import LocationId, SourceId
from shared.domain.problem import Problem
from shared.domain.recipient import Counts
from shared.domain.run import LocationReport, RunState
from shared.domain.sync.jobs import FetchResult, ReconcileResult


class RunOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a run, as far as the step that ends it knows."""

    state: RunState
    problems: tuple[Problem, ...] = ()
    #: For each location, how many people's deactivation waits for approval.
    held: dict[LocationId, int] = msgspec.field(default_factory=dict)
    held_digest: str | None = None
    #: For each location, how many people a preview would deactivate; None for a run that is none.
    previewed: dict[LocationId, int] | None = None
    #: Locations where every candidate that was found is deactivated now.
    fully_deactivated: frozenset[LocationId] = frozenset()


def locations_report(
    results: Mapping[LocationId, ReconcileResult],
    deactivated: Mapping[LocationId, int],
    held: Mapping[LocationId, int],
) -> dict[LocationId, LocationReport]:
    """Return what a run did at each location. `deactivated` is what the journals count."""
    return {
        location: LocationReport(
            counts=result.counts + Counts(deactivated=deactivated.get(location, 0)),
            active=result.active - deactivated.get(location, 0),
            held=held.get(location, 0),
            compared=result.compared,
        )
        for location, result in sorted(results.items())
    }


def problems_of(
    fetched: Mapping[SourceId, FetchResult], reconciled: Mapping[LocationId, ReconcileResult]
) -> tuple[Problem, ...]:
    """Return the problems that the jobs noted, sources first."""
    noted = [result.problem for _, result in sorted(fetched.items())]
    noted += [result.problem for _, result in sorted(reconciled.items())]
    return tuple(problem for problem in noted if problem is not None)
