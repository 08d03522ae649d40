"""Actions of people who look, and of the timer that measures: what they read changes while they read it."""

from collections.abc import Awaitable, Callable
from typing import Final

from shared.bootstrap import App
from shared.domain.access.rate_limit import Expense
from shared.domain.ids import LocationId, TenantId
from shared.workflows.operations.overview import Sort
from shared.workflows.operations.recipient_queries import RecipientFilter
from tests.simulation.engine.cluster import LOCATIONS
from tests.simulation.engine.stage import Stage
from tests.support.builders import BACK_END, person


async def _overview(app: App, tenant: TenantId) -> None:
    await app.overview("", Sort.NAME, descending=False, after=None, limit=10)


async def _gauges(app: App, tenant: TenantId) -> None:
    await app.gauges()


async def _history(app: App, tenant: TenantId) -> None:
    runs, _ = await app.run_history.list_runs(tenant)
    for run in runs[:2]:
        await app.run_history.get(tenant, run.id)
        await app.run_history.list_changes(tenant, run.id)


async def _limit(app: App, tenant: TenantId) -> None:
    await app.request_limits.spend(Expense.SEARCH, BACK_END, tenant)


async def _mapping(app: App, tenant: TenantId) -> None:
    await app.show_mapping(tenant)


async def _person(app: App, tenant: TenantId) -> None:
    await app.explain(tenant, person(1))


async def _recipients(app: App, tenant: TenantId) -> None:
    for location in LOCATIONS:
        await app.recipient_queries.find(tenant, LocationId(location), RecipientFilter())


async def _sign_in(app: App, tenant: TenantId) -> None:
    await app.sso_users.sso_users(tenant)


_LOOKS: Final[dict[str, Callable[[App, TenantId], Awaitable[None]]]] = {
    "the overview": _overview,
    "the gauges": _gauges,
    "the history": _history,
    "a limit": _limit,
    "the mapping": _mapping,
    "a person": _person,
    "recipients": _recipients,
    "who may sign in": _sign_in,
}


def look(stage: Stage, tenant: TenantId) -> None:
    """Read something."""
    what = stage.random.choice(list(_LOOKS))

    async def do(app: App) -> None:
        await _LOOKS[what](app, tenant)

    stage.call(f"GET {what} of {tenant}", do)
