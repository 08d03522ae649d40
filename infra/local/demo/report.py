"""Output of the demo: one table per tenant, and the same numbers as JSON."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

#: Counts of a run, as the API names them.
COUNTS = ("created", "updated", "deactivated", "reactivated", "skipped")


class TenantReport:
    """The runs of one tenant."""

    def __init__(self, name: str, title: str) -> None:
        self.name = name
        self.title = title
        self.runs: list[dict[str, Any]] = []
        self.refused: str | None = None

    @property
    def locations(self) -> dict[str, dict[str, Any]]:
        """The numbers of the last run for each location."""
        return self.runs[-1]["locations"] if self.runs else {}

    def as_json(self) -> dict[str, Any]:
        """Return the entry of the tenant in `.local/demo.json`."""
        active = {name: {"active": location["active"]} for name, location in self.locations.items()}
        entry: dict[str, Any] = {
            "active_recipients": sum(location["active"] for location in active.values()),
            "locations": active,
            "runs": [_run_as_json(run) for run in self.runs],
        }
        if self.refused:
            entry["refused"] = self.refused
        return entry

    def show(self, console: Console) -> None:
        """Print the tenant's table, or the reason why its connection was refused."""
        if self.refused:
            console.print(f"\n[bold]{self.name}[/bold] ({self.title})\n  connection refused: {self.refused}")
            return
        for number, run in enumerate(self.runs, start=1):
            kind = "first sync" if number == 1 else "incremental sync after the changes"
            console.print(f"\n[bold]{self.name}[/bold] ({self.title})\n{kind}: {run['state']}")
            console.print(self._table(run))
            for problem in run["problems"]:
                console.print(f"  {problem['concerns']}: {problem['detail']}")

    def _table(self, run: dict[str, Any]) -> Table:
        table = Table()
        table.add_column("location")
        for name in ("active", "created", "updated", "deactivated"):
            table.add_column(name, justify="right")
        for name, location in run["locations"].items():
            table.add_row(name, *_row(location["active"], location["counts"]))
        table.add_section()
        total = sum(location["active"] for location in run["locations"].values())
        table.add_row("all", *_row(total, run["counts"]), style="bold")
        summary = _run_as_json(run)
        table.caption = (
            f"{summary['seconds']} s, {summary['directory_requests']} Graph requests, "
            f"{summary['storage_requests']} storage transactions"
        )
        table.caption_justify = "left"
        return table


def _row(active: int, counts: dict[str, int]) -> Sequence[str]:
    return [f"{number:,}" for number in (active, counts["created"], counts["updated"], counts["deactivated"])]


def _run_as_json(run: dict[str, Any]) -> dict[str, Any]:
    return {
        "mode": run["mode"],
        "state": run["state"],
        **{name: run["counts"][name] for name in COUNTS},
        "seconds": round(run["seconds"], 1),
        "directory_requests": run["directoryRequests"],
        "storage_requests": run["storageRequests"],
    }


def write(path: Path, reports: Sequence[TenantReport]) -> None:
    """Write the numbers of all tenants to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"tenants": {report.name: report.as_json() for report in reports}}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
