"""The report of a validation: every check with what was found, what it means and what to do."""

from datetime import datetime
from enum import StrEnum

import msgspec


class CheckStatus(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    WARN = "warn"
    #: Not made, because a check before it failed.
    SKIP = "skip"


class Check(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One check: `id` is stable, `detail` says what was found, `fix` what to do about it."""

    id: str
    status: CheckStatus
    title: str
    detail: str = ""
    fix: str = ""
    link: str | None = None

    @classmethod
    def passed(cls, id_: str, title: str) -> "Check":
        """Return a check that found nothing wrong."""
        return cls(id=id_, status=CheckStatus.PASS, title=title)

    @classmethod
    def failed(cls, id_: str, title: str, detail: str, fix: str) -> "Check":
        """Return a check that found a fault."""
        return cls(id=id_, status=CheckStatus.FAIL, title=title, detail=detail, fix=fix)


class Consent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Application permissions: those needed and there, needed and not there, and there without need."""

    granted: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unneeded: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a validation found. `ok` unless a check failed."""

    ok: bool
    checks: tuple[Check, ...]
    consent: Consent
    secret_expires_on: datetime | None = None

    @classmethod
    def of(cls, checks: list[Check], consent: Consent | None = None) -> "Report":
        """Return the report that the checks make."""
        ok = all(check.status is not CheckStatus.FAIL for check in checks)
        return cls(ok=ok, checks=tuple(checks), consent=consent or Consent())

    def first_failure(self) -> str:
        """Return the sentence of the first check that failed; empty if none did."""
        failed = [check for check in self.checks if check.status is CheckStatus.FAIL]
        return f"{failed[0].detail} {failed[0].fix}".strip() if failed else ""

    def first_fix(self) -> str:
        """Return what to do about the first check that failed; empty if none did."""
        return next((check.fix for check in self.checks if check.status is CheckStatus.FAIL), "")
