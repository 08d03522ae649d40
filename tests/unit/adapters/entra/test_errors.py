"""Answers and refusals in the product's words."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from azure.core.exceptions import ClientAuthenticationError

from shared.adapters.entra.errors import Failing, Refused, of_login, of_status, passes_by_itself, status_of
from shared.adapters.entra.retry_after import retry_after_s
from shared.errors import DeltaLinkExpired, LoginRefused, NotFound, PageTokenExpired, SyncError, Transient

TRACE, CORRELATION = "0b1c2d3e-0000-4000-8000-000000000001", "0b1c2d3e-0000-4000-8000-000000000002"


@pytest.mark.parametrize(
    ("status", "graph_code", "kind", "code"),
    [
        (400, "Directory_ExpiredPageToken", PageTokenExpired, "page_expired"),
        (400, "syncStateNotFound", DeltaLinkExpired, "delta_expired"),
        (404, "SyncStateNotFound", DeltaLinkExpired, "delta_expired"),
        (410, "", DeltaLinkExpired, "delta_expired"),
        (400, "Request_BadRequest", Refused, "Request_BadRequest"),
        (401, "InvalidAuthenticationToken", Refused, "InvalidAuthenticationToken"),
        (403, "Authorization_RequestDenied", Refused, "Authorization_RequestDenied"),
        (403, "", Refused, "403"),
        (404, "Request_ResourceNotFound", NotFound, "group_not_found"),
        (404, "", Failing, "bad_answer"),
        (206, "", Failing, "bad_answer"),
        (302, "", Failing, "bad_answer"),
        (408, "", Failing, "graph_failing"),
        (429, "TooManyRequests", Failing, "throttled"),
        (500, "", Failing, "graph_failing"),
        (504, "", Failing, "graph_failing"),
    ],
)
def test_statuses(status: int, graph_code: str, kind: type[SyncError], code: str) -> None:
    """Each status and code asks for one thing only."""
    error = of_status(status, graph_code, {"retry-after": "300"})
    assert (type(error), error.code) == (kind, code)
    assert status_of(error) in {status, None}
    assert isinstance(error, Transient) is isinstance(error, Failing)
    if isinstance(error, Transient) and code != "bad_answer":
        assert error.retry_after_s == 300.0


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"retry-after": "300"}, 300.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_retry_after(headers: dict[str, str], wait_s: float | None) -> None:
    """Seconds or a date; nothing usable is None."""
    assert retry_after_s(headers) == wait_s


@pytest.mark.parametrize("text", ["0", "-3", "Wed, 21 Oct 2015 07:28:00 GMT", "soon"])
@pytest.mark.parametrize("status", [429, 500, 503, 504])
def test_no_time_to_wait_is_not_a_wait(status: int, text: str) -> None:
    """It is retried as a failure without `Retry-After`, not by a message without a delay."""
    error = of_status(status, "", {"retry-after": text})
    assert isinstance(error, Transient)
    assert error.retry_after_s is None


def test_retry_after_a_date_to_come() -> None:
    """A date asks for the time until then."""
    later = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    assert retry_after_s({"retry-after": later}) == pytest.approx(300, abs=5)


def test_a_refused_login() -> None:
    """The number is the code; Entra's text, which names the application, is not passed on."""
    text = (
        "(invalid_client) AADSTS7000215: Invalid client secret provided for app 'x'. "
        f"Trace ID: {TRACE} Correlation ID: {CORRELATION} Timestamp: 2026-11-23 09:00:00Z"
    )
    error = of_login(ClientAuthenticationError(message=text))
    assert isinstance(error, LoginRefused)
    assert (error.code, error.trace_id, error.correlation_id) == ("AADSTS7000215", TRACE, CORRELATION)
    assert "'x'" not in str(error)


@pytest.mark.parametrize("number", ["90006", "90012", "90024", "90033", "90055", "90090"])
def test_refusals_that_pass(number: str) -> None:
    """Nobody is to blame for these numbers."""
    assert isinstance(of_login(ClientAuthenticationError(message=f"AADSTS{number}: busy")), Transient)


@pytest.mark.parametrize(
    ("text", "kind", "blames"),
    [
        ("(invalid_client) AADSTS7000215: Invalid client secret.", LoginRefused, True),
        ("(invalid_client) AADSTS999999999: A number of tomorrow.", LoginRefused, True),
        ("(unauthorized_client) AADSTS700016: Application not found.", LoginRefused, True),
        ("(invalid_client) AADSTS90033: A transient number does not excuse a wrong secret.", LoginRefused, True),
        ("(invalid_client) No number at all.", LoginRefused, True),
        (f"(invalid_client) AADSTS{'9' * 5_000}: Not a number of the login service.", LoginRefused, True),
        ("(invalid_request) AADSTS90002: Tenant not found.", LoginRefused, False),
        ("(access_denied) AADSTS53003: Blocked by Conditional Access.", LoginRefused, False),
        ("(invalid_grant) AADSTS50196: Loop.", LoginRefused, False),
        ("Microsoft Entra ID error '{'error': 'unauthorized_client'}'", LoginRefused, True),
        ("(temporarily_unavailable) AADSTS90033: Transient.", Transient, None),
        ("(temporarily_unavailable) AADSTS999999999: A number of tomorrow.", Transient, None),
        ("(server_error) AADSTS50000: Internal.", Transient, None),
        ("(temporarily_unavailable)", Transient, None),
        ("AADSTS90033: Transient.", Transient, None),
    ],
)
def test_oauths_error_decides_and_the_number_only_selects_the_sentence(
    text: str,
    kind: type[SyncError],
    blames: bool | None,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Whether the credentials are blamed, and whether another attempt can help."""
    error = of_login(ClientAuthenticationError(message=text))
    assert type(error) is kind
    assert getattr(error, "blames_credentials", None) is blames
    assert passes_by_itself(ClientAuthenticationError(message=text)) is (kind is Transient)
