"""Runs, plans, checkpoints and results."""

from shared.domain.ids import RunId, SourceId, TenantId, new_run_id
from shared.domain.run import Plan, RunProgress
from shared.domain.sync.jobs import FetchCheckpoint, FetchJob, ReconcileJob
from tests.support.samples import LOCATION, RUN, Stores, fetched, plan, reconciled

OTHER_RUN = new_run_id(2_000_000, 2)


async def test_progress_counts_markers_of_this_run_only(stores: Stores, tenant: TenantId) -> None:
    """Progress is zero before the plan, and counts neither checkpoints nor other runs."""
    assert await stores.runs.get_progress(tenant, RUN) == RunProgress(fetched=0, sources=0, reconciled=0, locations=0)
    planned = await stores.runs.insert_plan(plan(tenant, groups=2))
    source = next(iter(planned.sources))
    await _mark(stores, planned, RUN, source)
    await _mark(stores, planned, OTHER_RUN, source)
    await stores.runs.save_checkpoint(
        FetchJob(tenant=tenant, run=RUN, source=source),
        FetchCheckpoint(next_cursor="l", pages=1),
    )
    assert await stores.runs.get_progress(tenant, RUN) == RunProgress(fetched=1, sources=2, reconciled=1, locations=1)


async def _mark(stores: Stores, planned: Plan, run: RunId, source: SourceId) -> None:
    await stores.runs.record_fetch_result(FetchJob(tenant=planned.tenant, run=run, source=source), fetched(source))
    await stores.runs.record_reconcile_result(
        ReconcileJob(tenant=planned.tenant, run=run, location=LOCATION), reconciled()
    )
