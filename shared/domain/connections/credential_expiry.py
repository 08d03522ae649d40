"""When the customer's own secret or certificate ends, where that can be found out, and what is said about it."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from shared.domain.connections.connection_health import WARN_DAYS, days_left, passed_threshold
from shared.domain.connections.validation_report import Check, CheckStatus

_FIX = "Create a new one now and replace this one; both work until the old one ends."


class ClientKey(msgspec.Struct, frozen=True, kw_only=True):
    """One secret of an app registration, as the directory shows it: never the secret, but its first characters."""

    hint: str
    ends: datetime


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """An app registration: its own object id, which is not the enterprise application's, and its secrets."""

    object_id: str
    keys: tuple[ClientKey, ...] = ()


def end_of(secret: str, keys: Sequence[ClientKey], now: datetime) -> datetime | None:
    """Return when a secret that works ends: the first end among those that begin like it, to warn rather too early.

    Source: https://learn.microsoft.com/graph/api/resources/passwordcredential ("hint": the first three characters)
    """
    return min((key.ends for key in keys if key.hint and secret.startswith(key.hint) and key.ends > now), default=None)


def expiry_check(ends: datetime | None, now: datetime) -> Check:
    """Return what is to be said about the end of the credential."""
    if ends is None:
        return Check(
            id="secret_expiry",
            status=CheckStatus.SKIP,
            title="The end of the secret is not known",
            detail="It can be read only with Application.Read.All, and only in the application's own tenant.",
            fix="Enter the date from the app registration's page, to be warned in time.",
        )
    days = days_left(ends, now)
    said = f"It ends on {ends:%Y-%m-%d}, in {days} {'day' if days == 1 else 'days'}."
    if passed_threshold(ends, now) is None:
        return Check(id="secret_expiry", status=CheckStatus.PASS, title="The secret is valid", detail=said)
    warned = ", ".join(map(str, WARN_DAYS))
    return Check(
        id="secret_expiry",
        status=CheckStatus.WARN,
        title="The secret ends soon",
        detail=f"{said} Events say so {warned} days ahead.",
        fix=_FIX,
    )
