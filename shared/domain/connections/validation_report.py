"""The report of a validation: every check with what was found, what it means and what to do."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import UNSET, UnsetType

from shared.domain.connections.connection import Credentials


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
    #: Whether nothing is known to be wrong: the check could not be made just now, and can be made again.
    retry: bool | UnsetType = UNSET
    #: Entries that would pass, by their field; a page can offer to fill them in.
    suggestion: dict[str, str] | UnsetType = UNSET

    @classmethod
    def passed(cls, id_: str, title: str) -> "Check":
        """Return a check that found nothing wrong."""
        return cls(id=id_, status=CheckStatus.PASS, title=title)

    @classmethod
    def failed(cls, id_: str, title: str, detail: str, fix: str, suggestion: dict[str, str] | None = None) -> "Check":
        """Return a check that found a fault."""
        return cls(id=id_, status=CheckStatus.FAIL, title=title, detail=detail, fix=fix, suggestion=suggestion or UNSET)

    @classmethod
    def skipped(cls, id_: str, title: str, detail: str = "Not checked, because a check before it failed.") -> "Check":
        """Return a check that was not made."""
        return cls(id=id_, status=CheckStatus.SKIP, title=title, detail=detail)


class Consent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Application permissions: those that serve a need, needs that nothing serves, and those beyond what is needed.

    A permission that serves a need and allows more than that is both granted and unneeded.
    """

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
    def of(
        cls, checks: list[Check], consent: Consent | None = None, secret_expires_on: datetime | None = None
    ) -> "Report":
        """Return the report that the checks make."""
        ok = all(check.status is not CheckStatus.FAIL for check in checks)
        return cls(ok=ok, checks=tuple(checks), consent=consent or Consent(), secret_expires_on=secret_expires_on)

    @property
    def unchecked(self) -> bool:
        """Whether checks failed for no other reason than that they could not be made just now."""
        failures = self.failures()
        return bool(failures) and all(check.retry is True for check in failures)

    def failures(self) -> list[Check]:
        """Return the checks that failed."""
        return [check for check in self.checks if check.status is CheckStatus.FAIL]


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """The report, and credentials that can be stored if it is `ok`; None if they were not even tried."""

    report: Report
    credentials: Credentials | None = None
    #: What goes into Key Vault: the secret, or the certificate with its key; empty for a federated identity.
    secret: str = field(default="", repr=False)
