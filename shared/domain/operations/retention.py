"""Retention: how long rows without use and the audit log are kept, and how far their deletion is."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.domain.ids import TenantId

#: Shortest time for which runs, and records of what was done, are kept, in days: the guard looks back seven days.
_MIN_DAYS: Final = 8
#: Longest time for which anything is kept, in days.
_MAX_DAYS: Final = 36_500


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long each kind of row is kept."""

    #: Runs with their journals. As long, they are shown in the history and can be undone.
    runs: timedelta = timedelta(days=365)
    #: Plans and results of the jobs of runs that have ended.
    jobs: timedelta = timedelta(days=30)
    #: Recipients since their deactivation. Not longer than runs, whose journals show when that was.
    deactivated: timedelta = timedelta(days=365)
    #: Entries of the operator log.
    ledger: timedelta = timedelta(days=365)
    #: Reports of imports.
    imports: timedelta = timedelta(days=30)
    #: Entries of the audit log.
    audit: timedelta = timedelta(days=400)


class RetentionRound(msgspec.Struct, frozen=True, kw_only=True):
    """A round over all tenants, which takes many calls of the watchdog."""

    begun_at: datetime | None = None
    #: The tenant that was finished last; None before the first one.
    after: TenantId | None = None
    finished: bool = True


def retention_of(settings: Mapping[str, str], problems: list[str]) -> Retention:
    """Return the times in the settings of the app, in days. Add a sentence to `problems` for each invalid one."""

    def days(name: str, default: timedelta, least: int = _MIN_DAYS) -> timedelta:
        text = settings.get(name) or str(default.days)
        number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(_MAX_DAYS)) else 0
        if not least <= number <= _MAX_DAYS:
            problems.append(f"{name} is not a number of days from {least} to {_MAX_DAYS}")
            return default
        return timedelta(days=number)

    default = Retention()
    runs = days("KEEP_RUNS_DAYS", default.runs)
    kept = Retention(
        runs=runs,
        jobs=days("KEEP_JOBS_DAYS", min(default.jobs, runs)),
        deactivated=days("KEEP_DEACTIVATED_DAYS", min(default.deactivated, runs)),
        ledger=days("KEEP_LEDGER_DAYS", default.ledger),
        imports=days("KEEP_IMPORT_REPORTS_DAYS", default.imports, least=1),
        audit=days("AUDIT_RETENTION_DAYS", default.audit),
    )
    for name, value in (("KEEP_JOBS_DAYS", kept.jobs), ("KEEP_DEACTIVATED_DAYS", kept.deactivated)):
        if value > runs:
            problems.append(f"{name} is more than KEEP_RUNS_DAYS")
    return kept
