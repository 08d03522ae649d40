"""Print two periods of SYNC_SCHEDULE, the window of an alert: `python3 -m infra.azure.two_periods`.

azd runs it before `azd provision`, perhaps before anything is installed: import the standard library only.
"""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from infra.local.functions_host.errors import Rejected
from infra.local.functions_host.ncrontab import Expression

#: Windows that a log alert may have, from an hour on, because this alert is evaluated each hour.
#: Source: https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-create-log-alert-rule
WINDOWS: Final = {f"PT{hours}H": timedelta(hours=hours) for hours in range(1, 7)} | {
    "P1D": timedelta(days=1),
    "P2D": timedelta(days=2),
}
#: A Monday. Any moment serves: the occurrences of a week are compared.
_START: Final = datetime(2026, 1, 5, tzinfo=UTC)
#: Precision of the comparison.
_STEP: Final = timedelta(minutes=1)


def window(schedule: str) -> str:
    """Return the shortest window that has two of the schedule's periods; the longest one if none has.

    A period is the longest time between two occurrences within a week.

    Raises:
        Rejected: The schedule is not valid.
    """
    expression = Expression.parse(schedule)
    longest, moment = timedelta(), _START
    while moment < _START + timedelta(days=7) and 2 * longest < WINDOWS["P2D"]:
        following = expression.after(moment)
        longest, moment = max(longest, following - moment), max(following, moment + _STEP)
    return next((name for name, length in WINDOWS.items() if 2 * longest <= length), "P2D")


def main() -> int:
    """Print the window for SYNC_SCHEDULE. Return 0, or 1 after printing why the schedule is not valid."""
    defaults = json.loads(Path(__file__).with_name("settings.json").read_text(encoding="utf-8"))
    try:
        print(window(os.environ.get("SYNC_SCHEDULE") or defaults["SYNC_SCHEDULE"]))
    except Rejected as error:
        print(f"SYNC_SCHEDULE: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
