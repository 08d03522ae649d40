"""Run the demo: `python -m infra.local.demo`. With SCALE=small, directories are 100 times smaller."""

import asyncio
import os
import sys
from pathlib import Path

from rich.console import Console

from infra.local.demo import progress, report, scenes
from infra.local.demo.api import Api, ApiError
from infra.local.demo.report import TenantReport
from infra.local.demo.simulator import Simulator
from infra.local.stack.child import ROOT
from infra.local.stack.local_stack import LocalStack
from infra.local.stack.ports import Ports

SCALES = {"full": 1.0, "small": 0.01}
WRONG_SECRET = "this~is-not-the-secret-of-adatum"  # noqa: S105 - wrong on purpose


async def demo(console: Console, scale: float, output: Path) -> list[str]:
    """Run the demo, write its numbers to `output`, and return the deviations from the expected result."""
    console.print("Starting the stack: storage, directories, key vault, functions host.")
    async with (
        LocalStack(directory=ROOT / ".local" / "demo", ports=Ports.free(), scale=scale) as stack,
        Api(stack.info) as api,
        Simulator(stack.info) as simulator,
    ):
        return await play(console, api, simulator, output)


async def play(console: Console, api: Api, simulator: Simulator, output: Path) -> list[str]:
    """Onboard and sync the tenants on a running stack, and return the deviations from the expected result."""
    contoso = TenantReport("contoso", "full mode, every user at every location")
    fabrikam = TenantReport("fabrikam", "groups mode, 40 groups at 12 locations")
    adatum = TenantReport("adatum", "wrong secret")
    reports = [contoso, fabrikam, adatum]
    console.print("Onboarding three tenants through the API.")
    played = [await scenes.onboard_contoso(api), await scenes.onboard_fabrikam(api, simulator)]
    adatum.refused = await _refused(api)
    for title in ("First sync.", "People join, leave, move, are renamed and disabled; syncing again, incrementally."):
        if contoso.runs:
            await scenes.change_contoso(played[0], simulator)
            await scenes.change_fabrikam(played[1], simulator)
        console.print(title)
        runs = {scene.tenant: await api.sync(scene.tenant) for scene in played}
        ended = await progress.watch(api, console, runs)
        contoso.runs.append(ended["contoso"])
        fabrikam.runs.append(ended["fabrikam"])
        report.write(output, reports)
    for tenant in reports:
        tenant.show(console)
    return [
        *_unfinished(reports),
        *await scenes.differences(played[1], api, simulator),
        *await scenes.untouched_changes(played[0], api, contoso.runs[-1]),
        *await scenes.untouched_changes(played[1], api, fabrikam.runs[-1]),
    ]


async def _refused(api: Api) -> str | None:
    """Try to connect a tenant with a wrong secret, and return the reason for the refusal and the fix."""
    try:
        await api.onboard("adatum", preferences={"mode": "full"}, locations=["lobby"], secret=WRONG_SECRET)
    except ApiError as error:
        return f"{error.problem['detail']} {error.problem['fix']}"
    return None


def _unfinished(reports: list[TenantReport]) -> list[str]:
    wrong = [
        f"{tenant.name}: run {run['id']} ended as {run['state']}"
        for tenant in reports
        for run in tenant.runs
        if run["state"] != "done"
    ]
    if reports[-1].refused is None:
        wrong.append("adatum: the wrong secret was accepted")
    return wrong


def main() -> int:
    """Return 0 for the expected result, 1 for deviations, and 2 for an invalid SCALE."""
    console = Console()
    scale = os.environ.get("SCALE") or "full"
    if scale not in SCALES:
        console.print(f"Invalid SCALE {scale!r}: use one of {', '.join(SCALES)}.")
        return 2
    output = ROOT / ".local" / "demo.json"
    wrong = asyncio.run(demo(console, SCALES[scale], output))
    for line in wrong:
        console.print(f"[red]wrong[/red] {line}")
    console.print(f"\nThe same numbers are in {output.relative_to(ROOT)}.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
