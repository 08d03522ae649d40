"""What the login service and Microsoft Graph answer, in the product's words."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

import httpx
from azure.core.exceptions import AzureError, ClientAuthenticationError
from kiota_abstractions.api_error import APIError
from kiota_abstractions.serialization import Parsable, ParseNode, SerializationWriter

from shared.errors import Conflict, LoginRefused, NeedsAttention, NotFound, SyncError, Transient

#: AADSTS numbers that pass by themselves; nobody is to blame for them.
#: Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
TRANSIENT_LOGIN: Final = frozenset({"90006", "90012", "90024", "90033", "90055", "90090"})
_NUMBER: Final = re.compile(r"AADSTS(\d+)")
_TRACE: Final = re.compile(r"Trace ID: ([0-9a-fA-F-]{36})")
_CORRELATION: Final = re.compile(r"Correlation ID: ([0-9a-fA-F-]{36})")
#: Graph's codes that mean: the listing or delta must start anew.
_TRY_LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_DELTA_EXPIRED: Final = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired"})


class GraphProblem(APIError, Parsable):
    """Graph's error object, read by the SDK's adapter; its own model would cost seconds to import."""

    def __init__(self) -> None:
        super().__init__("Microsoft Graph answered with an error")
        self.graph_code = ""

    @staticmethod
    def create_from_discriminator_value(_: ParseNode) -> "GraphProblem":
        """Return an empty error for the adapter to fill."""
        return GraphProblem()

    def get_field_deserializers(self) -> dict[str, Any]:
        """Return how the adapter fills the error."""
        return {"error": self._read}

    def _read(self, node: ParseNode) -> None:
        inner = node.get_child_node("code")
        self.graph_code = (inner.get_str_value() if inner else None) or ""

    def serialize(self, writer: SerializationWriter) -> None:
        """Write nothing: an error is never sent."""


#: For the SDK's adapter: every failed answer is read as a GraphProblem.
ERROR_MAP: Final[Any] = {"XXX": GraphProblem}


@contextmanager
def translated() -> Iterator[None]:
    """Raise whatever the SDKs raise as the product's errors."""
    try:
        yield
    except ClientAuthenticationError as error:
        raise of_login(error) from error
    except APIError as error:
        raise of_answer(error) from error
    except httpx.HTTPError as error:
        raise Transient(
            f"Microsoft Graph could not be reached ({type(error).__name__}); try again.", code="graph_unreachable"
        ) from error
    except AzureError as error:
        raise Transient(
            f"The login service could not be reached ({type(error).__name__}); try again.", code="login_unreachable"
        ) from error


def of_login(error: ClientAuthenticationError) -> SyncError:
    """Return a refusal of the login service with its AADSTS number, or Transient if it passes by itself."""
    text = str(error.message)
    number = _NUMBER.search(text)
    if number is None:
        return LoginRefused("The login service refused the credentials without a code.", code="login_refused")
    if number.group(1) in TRANSIENT_LOGIN:
        return Transient(f"The login service is busy (AADSTS{number.group(1)}); try again.", code="login_busy")
    trace, correlation = _TRACE.search(text), _CORRELATION.search(text)
    return LoginRefused(
        f"The login service refused the credentials (AADSTS{number.group(1)}).",
        code=f"AADSTS{number.group(1)}",
        trace_id=trace.group(1) if trace else None,
        correlation_id=correlation.group(1) if correlation else None,
    )


def of_answer(error: APIError) -> SyncError:
    """Return an error answer of Microsoft Graph as what the caller must do."""
    status = error.response_status_code or 0
    code = getattr(error, "graph_code", "") or str(status)
    return of_status(status, code, error.response_headers or {})


def of_status(status: int, code: str, headers: Any) -> SyncError:  # noqa: ANN401 - any mapping of header names
    """Return what an answer's status and Graph's code call for."""
    if code == "Directory_ExpiredPageToken":
        return Conflict("The listing's page token expired; it must start anew.", code="page_expired")
    if status == HTTPStatus.GONE or code.lower() in _DELTA_EXPIRED:
        return Conflict("The delta token expired; only a full listing helps.", code="delta_expired")
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(f"Microsoft Graph has no such object ({code}).", code="group_not_found")
    if (
        status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        throttled = status == HTTPStatus.TOO_MANY_REQUESTS
        return Transient(
            f"Microsoft Graph {'limits our requests' if throttled else 'is failing'} ({code}); try again later.",
            code="throttled" if throttled else "graph_failing",
            retry_after_s=_retry_after_s(headers),
        )
    if status < HTTPStatus.BAD_REQUEST:
        return Conflict("Microsoft Graph sends us elsewhere; redirects are not followed.", code="redirected")
    return NeedsAttention(
        f"Microsoft Graph refuses to answer ({status} {code}): check the app's permissions and consent.", code=code
    )


def _retry_after_s(headers: Any) -> float | None:  # noqa: ANN401 - as above
    for name in ("Retry-After", "retry-after"):
        try:
            return max(0.0, float(headers[name]))
        except (KeyError, TypeError, ValueError):
            continue
    return None
