"""Report of a run that ends before it is finished: what it has read and written so far, from results and journals."""

import msgspec

from shared.domain.recipient import Counts
from shared.domain.run import LocationReport, Run
from shared.domain.sync.run_outcome import problems_of
from shared.errors import NotFound
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore


async def report_so_far(runs: RunStore, recipients: RecipientStore, run: Run) -> Run:
    """Return the run with its changes, problems and requests so far. A run that has no plan has nothing to report.

    Its writers must be fenced off, or the report misses what they write afterwards.
    """
    try:
        plan = await runs.get_plan(run.tenant, run.id)
    except NotFound:
        return run
    fetched = await runs.list_fetch_results(run.tenant, run.id)
    reconciled = await runs.list_reconcile_results(run.tenant, run.id)
    locations = {}
    for location in () if plan.preview else sorted(plan.locations):
        counts = await recipients.get_journal_counts(run.tenant, location, run.id)
        result = reconciled.get(location)
        if result is not None:
            active, compared = result.active - counts.deactivated, result.compared
            counts += Counts(skipped=result.counts.skipped)
        elif counts != Counts():
            active, compared = (await recipients.get_fence(run.tenant, location)).value.active, False
        else:
            continue
        locations[location] = LocationReport(counts=counts, active=active, compared=compared)
    return msgspec.structs.replace(
        run,
        locations=locations,
        counts=sum((report.counts for report in locations.values()), Counts()),
        problems=problems_of(fetched, reconciled),
        directory_requests=sum(result.directory_requests for result in fetched.values()),
        storage_requests=run.storage_requests
        + sum(result.storage_requests for result in fetched.values())
        + sum(result.storage_requests for result in reconciled.values()),
    )
