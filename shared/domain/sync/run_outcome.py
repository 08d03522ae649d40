"""Run outcome: the decision of the deactivation stage, and the totals of the jobs' results."""

from collections.abc import Mapping

import msgspec

from shared.domain.ids import LocationId, SourceId
from shared.domain.problem import Problem
from shared.domain.recipient import Counts
from shared.domain.run import LocationReport, RunState
from shared.domain.sync.jobs import FetchResult, ReconcileResult


class RunOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a run, as determined by the step that ends it."""

    state: RunState
    problems: tuple[Problem, ...] = ()
    #: Number of deactivations that await approval, by location.
    held: dict[LocationId, int] = msgspec.field(default_factory=dict)
    held_digest: str | None = None
    #: Number of recipients that a preview would deactivate, by location; None if the run is not a preview.
    previewed: dict[LocationId, int] | None = None
    #: Locations where all candidates are now deactivated.
    fully_deactivated: frozenset[LocationId] = frozenset()


def locations_report(
    results: Mapping[LocationId, ReconcileResult],
    deactivated: Mapping[LocationId, int],
    held: Mapping[LocationId, int],
) -> dict[LocationId, LocationReport]:
    """Return the report of a run by location. `deactivated` is the number of entries in each location's journal."""
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
    """Return the problems that the jobs recorded, those of sources first, and what they only warn about last."""
    problems = [result.problem for _, result in sorted(fetched.items())]
    problems += [result.problem for _, result in sorted(reconciled.items())]
    warnings = [warning for _, result in sorted(fetched.items()) for warning in result.warnings]
    return tuple(dict.fromkeys([problem for problem in problems if problem is not None] + warnings))
