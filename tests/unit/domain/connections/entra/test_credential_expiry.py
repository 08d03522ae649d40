"""When a secret ends, as far as the directory shows it."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.connections.entra.credential_expiry import ClientKey, end_of, expiry_check
from shared.domain.connections.validation_report import CheckStatus

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SECRET = "abc8Q~the-secret"


def key(hint: str, days: float) -> ClientKey:
    """Return a secret of the app registration that ends so many days from now."""
    return ClientKey(hint=hint, ends=NOW + timedelta(days=days))


@pytest.mark.parametrize(
    ("keys", "days"),
    [
        ([], None),
        ([key("xyz", 10)], None),
        ([key("xyz", 10), key("abc", 20)], 20),
        ([key("abc", 30), key("abc", 20)], 20),
        ([key("abc", -1), key("abc", 20)], 20),
        ([key("", 5), key("abc", 20)], 20),
    ],
)
def test_a_secret_is_known_by_its_first_characters(keys: list[ClientKey], days: float | None) -> None:
    """Of several that begin alike the first end counts; one that works has not ended."""
    found = end_of(SECRET, keys, NOW)
    assert found == (NOW + timedelta(days=days) if days is not None else None)


@pytest.mark.parametrize(
    ("days", "status", "says"),
    [
        (None, CheckStatus.SKIP, "Application.Read.All"),
        (90, CheckStatus.PASS, "in 90 days"),
        (30, CheckStatus.WARN, "in 30 days"),
        (1, CheckStatus.WARN, "in 1 day."),
        (0.5, CheckStatus.WARN, "in 0 days"),
    ],
)
def test_the_end_is_told_with_the_days_left(days: float | None, status: CheckStatus, says: str) -> None:
    """A warning from 30 days on, with what to do; never a failure."""
    check = expiry_check(NOW + timedelta(days=days) if days is not None else None, NOW)
    assert (check.id, check.status) == ("secret_expiry", status)
    assert says in check.detail
    assert bool(check.fix) == (status is not CheckStatus.PASS)
