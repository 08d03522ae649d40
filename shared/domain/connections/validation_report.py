"""The validation report: all checks with their result, its meaning and the fix."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import UNSET, UnsetType

from shared.domain.connections.connection import ProviderSettings


class CheckStatus(StrEnum):
    """Result of a check."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    WARN = "warn"
    #: Not made, because an earlier check failed.
    SKIP = "skip"


class Check(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One check: a stable `id`, the finding (`detail`) and the fix."""

    id: str
    status: CheckStatus
    title: str
    detail: str = ""
    fix: str = ""
    link: str | None = None
    #: Whether the check failed because of a temporary error and can be repeated.
    retry: bool | UnsetType = UNSET
    #: Time for which the same request may be repeated, in seconds, before the credential counts as wrong: it can be so
    #: new that some servers of the directory do not know it yet.
    retry_for_seconds: int | UnsetType = UNSET
    #: Values that would pass, by field; the portal offers to fill them in.
    suggestion: dict[str, str] | UnsetType = UNSET

    @classmethod
    def passed(cls, id_: str, title: str) -> "Check":
        """Return a passed check."""
        return cls(id=id_, status=CheckStatus.PASS, title=title)

    @classmethod
    def failed(cls, id_: str, title: str, detail: str, fix: str, suggestion: dict[str, str] | None = None) -> "Check":
        """Return a failed check."""
        return cls(id=id_, status=CheckStatus.FAIL, title=title, detail=detail, fix=fix, suggestion=suggestion or UNSET)

    @classmethod
    def skipped(cls, id_: str, title: str, detail: str = "Not checked, because an earlier check failed.") -> "Check":
        """Return a skipped check."""
        return cls(id=id_, status=CheckStatus.SKIP, title=title, detail=detail)


class Consent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Application permissions: granted required ones, missing required ones, and unneeded ones.

    A permission that satisfies a requirement but allows more is both granted and unneeded.
    """

    granted: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unneeded: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The result of a validation. `ok` unless a check failed."""

    ok: bool
    checks: tuple[Check, ...]
    consent: Consent
    secret_expires_on: datetime | None = None

    @classmethod
    def of(
        cls, checks: list[Check], consent: Consent | None = None, secret_expires_on: datetime | None = None
    ) -> "Report":
        """Create the report from the checks."""
        ok = all(check.status is not CheckStatus.FAIL for check in checks)
        return cls(ok=ok, checks=tuple(checks), consent=consent or Consent(), secret_expires_on=secret_expires_on)

    @property
    def unchecked(self) -> bool:
        """Whether all failed checks failed because of temporary errors."""
        failures = self.failures()
        return bool(failures) and all(check.retry is True for check in failures)

    def failures(self) -> list[Check]:
        """Return the failed checks."""
        return [check for check in self.checks if check.status is CheckStatus.FAIL]


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """The report, and what is stored if it is `ok`: settings, None if they were not tried, and secrets by name."""

    report: Report
    settings: ProviderSettings | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
