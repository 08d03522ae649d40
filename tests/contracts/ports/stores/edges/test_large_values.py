"""Values that do not fit one row of Table Storage, or hardly."""

import pytest

from shared.domain.ids import LocationId, TenantId
from shared.domain.reconcile.candidate import MAX_NAMED_CANDIDATES
from shared.domain.run import RunProgress
from shared.domain.sync.jobs import ReconcileJob
from tests.support.samples import LOCATION, RUN, Stores, plan, reconciled

#: aiohttp would like bodies above 1 MiB in a file; a batch has 4 MiB at most, which it sends at once.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")


async def test_a_plan_of_more_sources_than_a_row_holds(stores: Stores, tenant: TenantId) -> None:
    """A run of 25,000 groups is stored whole all the same, and the first plan stays."""
    large = plan(tenant, groups=25_000)
    assert await stores.runs.insert_plan(large) == large
    assert await stores.runs.insert_plan(plan(tenant)) == large
    assert await stores.runs.get_plan(tenant, RUN) == large
    assert await stores.runs.get_progress(tenant, RUN) == RunProgress(
        fetched=0, sources=25_000, reconciled=0, locations=1
    )


@pytest.mark.parametrize("candidates", [100, MAX_NAMED_CANDIDATES])
async def test_a_result_of_many_candidates(stores: Stores, tenant: TenantId, candidates: int) -> None:
    """A location may lose as many people as a result names; it is one result among the others."""
    large = reconciled(candidates=candidates)
    small = LocationId(f"{LOCATION}-2")
    place = ReconcileJob(tenant=tenant, run=RUN, location=LOCATION)
    await stores.runs.record_reconcile_result(ReconcileJob(tenant=tenant, run=RUN, location=small), reconciled(small))
    assert await stores.runs.record_reconcile_result(place, large) == large
    assert await stores.runs.record_reconcile_result(place, reconciled(active=0)) == large
    assert await stores.runs.list_reconcile_results(tenant, RUN) == {LOCATION: large, small: reconciled(small)}
    assert (await stores.runs.get_progress(tenant, RUN)).reconciled == 2
