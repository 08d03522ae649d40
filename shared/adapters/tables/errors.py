"""Translates the SDK's errors into the product's errors, which say what the caller must do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError, ServiceResponseError

from shared.adapters.network.transport import retry_after_s
from shared.errors import ETagConflict, Misconfigured, NotFound, Rejected, SyncError, TooLarge, Transient

_BAD_REQUEST: Final = 400
_NOT_FOUND: Final = 404
_TOO_LARGE: Final = 413
_SERVER_ERROR: Final = 500
#: Codes of a 409 that are transient, unlike that of an existing row.
_TRANSIENT_CODES: Final = frozenset({"TableBeingDeleted", "AccountBeingCreated"})


@contextmanager
def translated(*, missing: type[SyncError] = NotFound) -> Iterator[None]:
    """Raise the product's errors instead of the SDK's. `missing` is raised for a row that does not exist."""
    try:
        yield
    except HttpResponseError as error:
        raise _of_answer(error, missing) from error
    except (ServiceRequestError, ServiceResponseError) as error:
        raise Transient("Table Storage did not answer; try again.", code="storage_unreachable") from error
    except AzureError as error:
        raise Transient(f"Table Storage could not be used: {type(error).__name__}.", code="storage") from error


def _of_answer(error: HttpResponseError, missing: type[SyncError]) -> SyncError:
    status = error.status_code or _SERVER_ERROR
    code = _code_of(error) or str(status)
    if status < _BAD_REQUEST:  # the response is truncated or malformed: the outcome of the request is unknown
        return Transient("Table Storage's answer could not be read; try again.", code="storage_unreachable")
    if status in {408, 429} or status >= _SERVER_ERROR or code in _TRANSIENT_CODES:
        return Transient(
            f"Table Storage is busy or failing ({code}); try again.",
            code="storage_busy",
            retry_after_s=retry_after_s(error),
        )
    if status in {409, 412}:
        return ETagConflict(f"a row changed since it was read ({code})")
    if status == _NOT_FOUND and code != "TableNotFound":
        return missing("the row does not exist", code="not_found")
    return _refusal(status, code)


def _refusal(status: int, code: str) -> SyncError:
    """Return the error for a response that is neither transient nor about a row."""
    if status == _NOT_FOUND:  # a deleted table must not look like a missing row
        return Misconfigured("A table was deleted while the app runs: restart the app.", code="table_missing")
    if status in {401, 403}:
        return Misconfigured(
            f"Table Storage refuses the app ({code}): give its identity the role Storage Table Data Contributor.",
            code="storage_forbidden",
        )
    if status == _TOO_LARGE:
        return TooLarge("a batch or row is larger than Table Storage takes", code="too_large")
    return Rejected(f"Table Storage refuses a request ({code}).", code="storage_refused")


def _code_of(error: HttpResponseError) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", None) or code or "")
