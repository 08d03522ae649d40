"""Run outcome: the decision of the deactivation stage, and the totals of the jobs' results."""

from collections.abc import Mapping

import msgspec

from shared.domain.ids import LocationId, SourceId
from shared.domain.problem import Problem
from shared.domain.recipient import Counts
from shared.domain.run import LocationReport, Plan, Run, RunState, UpToDateState
from shared.domain.sync.jobs import FetchOutcome, FetchResult, ReconcileResult


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
    later: Mapping[LocationId, Counts],
    held: Mapping[LocationId, int],
    invalid_addresses: Mapping[LocationId, int],
) -> dict[LocationId, LocationReport]:
    """Return the report of a run by location. `later` counts what was written after the location was reconciled.

    `invalid_addresses` has the numbers after that.
    """
    return {
        location: LocationReport(
            counts=result.counts + later.get(location, Counts()),
            active=result.active + later.get(location, Counts()).net,
            held=held.get(location, 0),
            compared=result.compared,
            invalid_addresses=invalid_addresses.get(location, result.invalid_addresses),
        )
        for location, result in sorted(results.items())
    }


def after_reconcile(result: ReconcileResult, journal: Counts) -> Counts:
    """Return what was written after a location was reconciled, from what the run has written in all."""
    before = result.counts
    return Counts(
        created=journal.created - before.created,
        updated=journal.updated - before.updated,
        deactivated=journal.deactivated - before.deactivated,
        reactivated=journal.reactivated - before.reactivated,
    )


def nothing_read(fetched: Mapping[SourceId, FetchResult]) -> bool:
    """Return whether the run has sources and none of them could be read."""
    return bool(fetched) and all(result.outcome is FetchOutcome.FAILED for result in fetched.values())


def problems_of(
    fetched: Mapping[SourceId, FetchResult], reconciled: Mapping[LocationId, ReconcileResult]
) -> tuple[Problem, ...]:
    """Return the problems that the jobs recorded, those of sources first, and what they only warn about last."""
    problems = [result.problem for _, result in sorted(fetched.items())]
    problems += [result.problem for _, result in sorted(reconciled.items())]
    warnings = [warning for _, result in sorted(fetched.items()) for warning in result.warnings]
    return tuple(dict.fromkeys([problem for problem in problems if problem is not None] + warnings))


def up_to_date_after(plan: Plan, ended: Run, input_fingerprint: str | None) -> UpToDateState | None:
    """Return the up-to-date record of a run that ended; None if a location may still differ from its inputs."""
    if input_fingerprint is None or plan.preview or ended.state is not RunState.DONE:
        return None
    return UpToDateState(run=plan.run, fencing_token=plan.fencing_token, input_fingerprint=input_fingerprint)
