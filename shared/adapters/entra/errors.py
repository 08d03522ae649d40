"""Translation of errors of the login service, of Microsoft Graph and of their SDKs to the product's errors."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

import httpx
from azure.core.exceptions import AzureError, ClientAuthenticationError
from kiota_abstractions.api_error import APIError
from kiota_abstractions.serialization import Parsable, ParseNode, SerializationWriter

from shared.adapters.entra.retry_after import retry_after_s
from shared.errors import (
    DeltaLinkExpired,
    LoginRefused,
    NotFound,
    PageTokenExpired,
    RequestRefused,
    SyncError,
    Transient,
)

#: OAuth's errors of a wrong application or credential, and of temporary failures. The AADSTS number is not needed to
#: tell them apart: it only selects the sentence.
#: Source: https://www.rfc-editor.org/rfc/rfc6749#section-5.2 and 4.1.2.1
_BLAMES_CREDENTIALS: Final = frozenset({"invalid_client", "unauthorized_client"})
_TEMPORARY: Final = frozenset({"temporarily_unavailable", "server_error"})
_OAUTH: Final = re.compile(r"\(([a-z_]{1,40})\)|'error': '([a-z_]{1,40})'")
#: AADSTS numbers of temporary failures of the login service.
#: Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
TRANSIENT_LOGIN: Final = frozenset({"90006", "90012", "90024", "90033", "90055", "90090"})
_NUMBER: Final = re.compile(r"AADSTS([0-9]{1,12})(?![0-9])")
_TRACE: Final = re.compile(r"Trace ID: ([0-9a-fA-F-]{36})")
_CORRELATION: Final = re.compile(r"Correlation ID: ([0-9a-fA-F-]{36})")
#: Form of error codes that are accepted: they are stored and logged, and a hostile response may contain any text.
_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_TRY_LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
#: Graph's codes, in lower case, for an expired delta link.
#: Source: https://learn.microsoft.com/graph/delta-query-overview#synchronization-reset
_DELTA_EXPIRED: Final = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired"})


class Refused(RequestRefused):
    """Graph refuses a request with this HTTP status. A new token or a new listing may help, otherwise only a person."""

    def __init__(self, message: str, *, code: str, status: int) -> None:
        super().__init__(message, code=code)
        self.status = status


class Failing(Transient):
    """Graph fails to answer a request, with this HTTP status."""

    def __init__(self, message: str, *, code: str, status: int, retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code, retry_after_s=retry_after_s)
        self.status = status


def status_of(error: SyncError) -> int | None:
    """Return the HTTP status of an error of Graph, if it is known."""
    if isinstance(error, Failing | Refused):
        return error.status
    return int(HTTPStatus.NOT_FOUND) if isinstance(error, NotFound) else None


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
        """Return the function with which the adapter fills the error."""
        return {"error": self._read}

    def _read(self, node: ParseNode) -> None:
        inner = node.get_child_node("code")
        code = (inner.get_str_value() if inner else None) or ""
        self.graph_code = code if _CODE.fullmatch(code) else ""

    def serialize(self, writer: SerializationWriter) -> None:
        """Write nothing: an error is never sent."""


#: Error map of the SDK's adapter: all error responses are decoded as a GraphProblem.
ERROR_MAP: Final[Any] = {"XXX": GraphProblem}


@contextmanager
def translated() -> Iterator[None]:
    """Raise the product's errors instead of the SDKs'."""
    try:
        yield
    except ClientAuthenticationError as error:
        raise of_login(error) from error
    except APIError as error:
        raise of_answer(error) from error
    except TimeoutError as error:
        raise Transient("Microsoft Graph took too long; try again.", code="graph_unreachable") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Transient(
            f"Microsoft Graph could not be reached ({type(error).__name__}); try again.", code="graph_unreachable"
        ) from error
    except AzureError as error:
        raise Transient(
            f"The login service gave no usable answer ({type(error).__name__}); try again.", code="login_unreachable"
        ) from error


def passes_by_itself(error: ClientAuthenticationError) -> bool:
    """Return whether the login service reports a temporary failure of its own."""
    return isinstance(of_login(error), Transient)


def of_login(error: ClientAuthenticationError) -> SyncError:
    """Return LoginRefused with the AADSTS number, or Transient for a temporary failure."""
    text = str(error.message)
    number, oauth = _NUMBER.search(text), _OAUTH.search(text)
    kind = (oauth.group(1) or oauth.group(2)) if oauth else ""
    blames = kind in _BLAMES_CREDENTIALS
    if kind in _TEMPORARY or (not blames and number is not None and number.group(1) in TRANSIENT_LOGIN):
        shown = f"AADSTS{number.group(1)}" if number else kind
        return Transient(f"The login service is busy ({shown}); try again.", code="login_busy")
    if number is None:
        message = "The login service refused the credentials without a code."
        return LoginRefused(message, code="login_refused", blames_credentials=blames)
    trace, correlation = _TRACE.search(text), _CORRELATION.search(text)
    return LoginRefused(
        f"The login service refused the credentials (AADSTS{number.group(1)}).",
        code=f"AADSTS{number.group(1)}",
        trace_id=trace.group(1) if trace else None,
        correlation_id=correlation.group(1) if correlation else None,
        blames_credentials=blames,
    )


def of_answer(error: APIError) -> SyncError:
    """Return the product's error for an error response of Microsoft Graph."""
    code = getattr(error, "graph_code", "")
    return of_status(error.response_status_code or 0, code, error.response_headers or {})


def of_status(status: int, code: str, headers: Mapping[str, str]) -> SyncError:
    """Return the product's error for a status and Graph's error code, which may be empty."""
    summary = f"{status} {code}".strip()
    if code == "Directory_ExpiredPageToken":
        error: SyncError = PageTokenExpired("The listing's page token expired; it must begin again.")
    elif status == HTTPStatus.GONE or code.lower() in _DELTA_EXPIRED:
        error = DeltaLinkExpired("The delta token expired; only a full listing helps.")
    elif status in _TRY_LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        throttled = status == HTTPStatus.TOO_MANY_REQUESTS
        error = Failing(
            f"Microsoft Graph {'limits our requests' if throttled else 'is failing'} ({summary}); try again later.",
            code="throttled" if throttled else "graph_failing",
            status=status,
            retry_after_s=retry_after_s(headers) or None,  # 0 asks for no wait
        )
    elif status < HTTPStatus.BAD_REQUEST or (status == HTTPStatus.NOT_FOUND and not code):
        # a redirect, which is not followed, a partial response, or a 404 without a code, which is not Graph's
        error = Failing(
            f"Microsoft Graph answered {status}, which says nothing; try again.", code="bad_answer", status=status
        )
    elif status == HTTPStatus.NOT_FOUND:
        error = NotFound(f"The object does not exist in Microsoft Graph ({code}).", code="group_not_found")
    else:
        permission = status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
        step = "check the app's permissions and consent" if permission else "report it with this code"
        error = Refused(
            f"Microsoft Graph refuses the request ({summary}): {step}.", code=code or str(status), status=status
        )
    return error
