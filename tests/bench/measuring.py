"""Run the product for one tenant, in every kind of scheduled run, and count its work."""

import platform
from itertools import chain, islice, pairwise
from typing import Final

from infra.capacity.figures import RUNS, Assumptions, Counts, Customer, Measured
from infra.capacity.work import Work
from tests.bench.deployment import TENANT, Deployment, deployed

_HOUR_S: Final = 3_600.0
_DAY_S: Final = 24 * _HOUR_S
#: Shares of the kinds of changes: an attribute, a disabled account, a leaver; the rest are joiners.
_ATTRIBUTE, _DISABLED, _LEFT = 0.7, 0.1, 0.1


async def measure_all(assumed: Assumptions) -> Measured:
    """Return the counts of both measured tenants."""
    share = assumed.month.changed_share_per_day
    return Measured(
        customer=await counted(assumed.customer, share),
        groups_customer=await counted(assumed.groups_customer, share),
        large_customer=await counted(assumed.large_customer, share),
        python=platform.python_version(),
    )


async def counted(customer: Customer, changed_share: float) -> Counts:
    """Return the counts of one tenant. One-time work of the process is done before, and not counted."""
    async with deployed(100, 1) as warm:
        await warm.tick()
    people, locations, groups = customer.people, customer.locations, customer.groups
    runs: dict[str, dict[str, Work]] = {}
    units: dict[str, int] = {}
    sizes: dict[str, int] = {}
    async with deployed(people, locations, groups) as deployment:
        changed = round(people * changed_share)
        for run in RUNS:
            if run == "changed":
                await _change(deployment, changed)
            deployment.clock.advance(_DAY_S if run == "full" else _HOUR_S)
            await deployment.simulator.call("DELETE", "/metrics")
            runs[run] = await deployment.tick()
            await _require_done(deployment)
            units[run] = (await deployment.simulator.call("GET", "/metrics"))["resource_units"]
            sizes[run] = sum((await deployment.stored_bytes()).values())
        deployment.clock.advance(_HOUR_S)
        click = await deployment.click()
        await _require_done(deployment)
        watchdog = await deployment.watchdog()
        peaks = await _peaks(deployment, changed)
    added = {run: sizes[run] - sizes[before] for before, run in pairwise(RUNS)}
    return Counts(
        people=people,
        locations=locations,
        sources=groups or 1,
        people_at_location=customer.people_at_location,
        changed_people=changed,
        runs={run: {name: _rounded(work) for name, work in found.items()} for run, found in runs.items()},
        click=_rounded(click),
        watchdog=_rounded(watchdog),
        graph_units=units,
        stored_bytes=sizes["first"],
        added_bytes=added,
        peak_bytes=peaks,
    )


async def _peaks(deployment: Deployment, changed: int) -> dict[str, int]:
    deployment.clock.advance(_DAY_S)
    everything = await deployment.peaks()
    await _change(deployment, changed)
    deployment.clock.advance(_HOUR_S)
    some = await deployment.peaks()
    return {name: max(peak, some[name]) for name, peak in everything.items()}


async def _change(deployment: Deployment, changes: int) -> None:
    """Change this number of people. Some leave, and some join."""
    people = await _to_change(deployment, changes)
    renamed, disabled, left = (round(changes * share) for share in (_ATTRIBUTE, _DISABLED, _LEFT))
    for number, person in enumerate(people):
        if number < renamed:
            await deployment.simulator.change(TENANT, person, department=f"Moved {deployment.clock.now():%d%H}")
        elif number < renamed + disabled:
            await deployment.simulator.change(TENANT, person, accountEnabled=False)
        elif number < renamed + disabled + left:
            await deployment.simulator.leave(TENANT, person)
        else:
            await deployment.simulator.join(TENANT, f"New Colleague {number}", *deployment.groups[:1])


async def _to_change(deployment: Deployment, changes: int) -> list[str]:
    """Return the ids of this number of people, of all groups in turn."""
    if not deployment.groups:
        return await deployment.simulator.people(TENANT, changes)
    members = [sorted(await deployment.simulator.members(TENANT, group)) for group in deployment.groups]
    return list(islice(chain.from_iterable(zip(*members, strict=False)), changes))


async def _require_done(deployment: Deployment) -> None:
    async for run in deployment.app.ports.runs.list_runs(TENANT):
        if run.state != "done" or run.problems:
            raise RuntimeError(f"the run ended as {run.state} with {run.problems}")
        return


def _rounded(work: Work) -> Work:
    work.cpu_s = round(work.cpu_s, 4)
    return work
