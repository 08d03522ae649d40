"""What the SDK raises, in the product's words: by what the caller must do."""

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
#: Codes of a 409 that waiting cures, unlike that of a row that is there already.
_PASSING: Final = frozenset({"TableBeingDeleted", "AccountBeingCreated"})


@contextmanager
def translated(*, missing: type[SyncError] = NotFound) -> Iterator[None]:
    """Raise the SDK's errors as the product's; what is not there as `missing`."""
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
    if status < _BAD_REQUEST:  # the answer broke off or is garbled: whether it was done is not known
        return Transient("Table Storage's answer could not be read; try again.", code="storage_unreachable")
    if status in {408, 429} or status >= _SERVER_ERROR or code in _PASSING:
        return Transient(
            f"Table Storage is busy or failing ({code}); try again.",
            code="storage_busy",
            retry_after_s=retry_after_s(error),
        )
    if status in {409, 412}:
        return ETagConflict(f"a row changed since it was read ({code})")
    if status == _NOT_FOUND and code != "TableNotFound":
        return missing("there is no such row", code="not_found")
    return _refusal(status, code)


def _refusal(status: int, code: str) -> SyncError:
    """Return the error for an answer that is neither about a row nor cured by waiting."""
    if status == _NOT_FOUND:  # a table that vanished must not look like one without the row
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
