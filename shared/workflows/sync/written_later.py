"""Written later: what a run wrote after its locations were reconciled, counted from their journals."""

from collections.abc import Mapping

from shared.domain.ids import LocationId
from shared.domain.recipient import Counts
from shared.domain.run import Plan
from shared.domain.sync.jobs import ReconcileResult
from shared.domain.sync.run_outcome import RunOutcome, after_reconcile
from shared.ports.recipients import RecipientStore


async def written_later(
    recipients: RecipientStore, plan: Plan, outcome: RunOutcome, reconciled: Mapping[LocationId, ReconcileResult]
) -> Mapping[LocationId, Counts]:
    """Return what the deactivation stage wrote at each location; of a preview, what it would deactivate."""
    if plan.preview:
        return {location: Counts(deactivated=people) for location, people in (outcome.previewed or {}).items()}
    return {
        location: after_reconcile(result, await recipients.get_journal_counts(plan.tenant, location, plan.run))
        for location, result in reconciled.items()
        if result.writes_later
    }


async def invalid_addresses_later(
    recipients: RecipientStore, plan: Plan, later: Mapping[LocationId, Counts]
) -> Mapping[LocationId, int]:
    """Return the number of invalid addresses at each location where the deactivation stage wrote."""
    return {
        location: (await recipients.get_fence(plan.tenant, location)).value.invalid_addresses
        for location, counts in later.items()
        if counts != Counts() and not plan.preview
    }
