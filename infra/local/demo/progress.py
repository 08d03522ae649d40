"""Live progress of runs: a bar per tenant on a terminal, otherwise a line every few seconds."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from infra.local.demo.api import Api

#: Minimum time between two lines per tenant without a terminal, in seconds.
_LINE_EVERY_S = 5.0


async def watch(api: Api, console: Console, runs: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Show the progress of one run per tenant until all have ended. Return the ended runs by tenant."""
    columns = (TextColumn("{task.description:<10}"), BarColumn(), TextColumn("{task.fields[now]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        ended = await asyncio.gather(*(_follow(api, console, progress, tenant, run) for tenant, run in runs.items()))
    return dict(zip(runs, ended, strict=True))


async def _follow(api: Api, console: Console, progress: Progress, tenant: str, run: str) -> dict[str, Any]:
    bar = progress.add_task(tenant, total=None, now="planning")
    shown_at = monotonic()
    async for answer in api.follow(tenant, run):
        latest = answer
        done = answer["progress"]
        jobs = done["fetched"] + done["reconciled"], done["sources"] + done["locations"]
        now = (
            f"{answer['state']}: {done['fetched']}/{done['sources']} sources read, "
            f"{done['reconciled']}/{done['locations']} locations written"
        )
        progress.update(bar, completed=jobs[0], total=jobs[1] or None, now=now)
        if not console.is_terminal and (monotonic() - shown_at > _LINE_EVERY_S or answer["finishedAt"]):
            console.print(f"  {tenant}: {now}")
            shown_at = monotonic()
    return latest
