"""Waits that a server asks for."""

import pytest

from shared.adapters.entra.retry_after import retry_after_s


@pytest.mark.parametrize(("text", "wait_s"), [("5", 5.0), ("0", 0.0), ("-1", 0.0), ("1.5", 1.5), ("1" * 300, 1.11e299)])
def test_a_number_is_seconds(text: str, wait_s: float) -> None:
    """A negative one asks for no wait."""
    assert retry_after_s({"retry-after": text}) == pytest.approx(wait_s, rel=0.01)


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "nan", "inf", "9" * 5_000, "x" * 100_000, "Mon, 99 Jan 2030 00:00:00 GMT",
        "Mon, 01 Jan 2030 00:00:00 +99999999999999999999", "Mon, 01 Jan 99999 00:00:00 GMT",
        "Mon, 01 Jan " + "9" * 5_000 + " 00:00:00 GMT",
    ],
)  # fmt: skip
def test_what_is_no_wait_is_none(text: str) -> None:
    """A server may send any text; no error leaves the parser."""
    assert retry_after_s({"retry-after": text}) is None
