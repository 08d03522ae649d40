"""Expiry of a customer's secret or certificate, and the check that warns about it."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from shared.domain.connections.connection_health import WARN_DAYS, days_left, passed_threshold
from shared.domain.connections.validation_report import Check, CheckStatus

_FIX = "Create a new secret now and replace the old one. Both work until the old one expires."


class ClientKey(msgspec.Struct, frozen=True, kw_only=True):
    """A secret of an app registration: its first characters and expiry, never the secret itself."""

    hint: str
    ends: datetime


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """An app registration: its secrets and its object id, which differs from that of the enterprise application."""

    object_id: str
    keys: tuple[ClientKey, ...] = ()


def end_of(secret: str, keys: Sequence[ClientKey], now: datetime) -> datetime | None:
    """Return the expiry of a working secret: the earliest among the secrets with the same first characters.

    Source: https://learn.microsoft.com/graph/api/resources/passwordcredential ("hint": the first three characters)
    """
    return min((key.ends for key in keys if key.hint and secret.startswith(key.hint) and key.ends > now), default=None)


def expiry_check(ends: datetime | None, now: datetime) -> Check:
    """Return the check of the expiry date of the credential."""
    if ends is None:
        return Check(
            id="secret_expiry",
            status=CheckStatus.SKIP,
            title="Secret expiry date unknown",
            detail="It can only be read with Application.Read.All, in the tenant that owns the application.",
            fix="Check the date in the app registration, and replace the secret before it expires.",
        )
    days = days_left(ends, now)
    expiry = f"It expires on {ends:%Y-%m-%d}, in {days} {'day' if days == 1 else 'days'}."
    if passed_threshold(ends, now) is None:
        return Check(id="secret_expiry", status=CheckStatus.PASS, title="The secret is valid", detail=expiry)
    warned = ", ".join(map(str, WARN_DAYS))
    return Check(
        id="secret_expiry",
        status=CheckStatus.WARN,
        title="The secret expires soon",
        detail=f"{expiry} The operator is notified {warned} days before.",
        fix=_FIX,
    )
