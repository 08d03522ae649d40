"""What each route is recorded as in the audit log. A route that may change something and has no line does not load."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from shared.domain.operations.audit import Action
from shared.triggers.http.framework.negotiation import preferred
from shared.triggers.http.framework.paging import PAGE, limit_of
from shared.triggers.http.framework.requests import Request

CSV: Final = "text/csv"
JSON: Final = "application/json"


class Record(msgspec.Struct, frozen=True):
    """The action of a route, and the requests that count as one."""

    action: Action
    applies: Callable[[Request], bool] = lambda _: True


class Unrecorded(msgspec.Struct, frozen=True):
    """Why a route that is not a GET is left out."""

    reason: str


def is_export(request: Request) -> bool:
    """Return whether a list is read as a file, in large pages, or beyond its first page."""
    by_file = preferred(request.header("accept"), (JSON, CSV)) == CSV
    return by_file or is_further_page(request) or limit_of(request) > PAGE


def is_further_page(request: Request) -> bool:
    """Return whether a list is read beyond its first page."""
    return bool(request.query("cursor"))


#: By method and path. A GET without a line is not recorded.
RECORDS: Final[Mapping[str, Record | Unrecorded]] = {
    "POST validate": Unrecorded("It stores nothing; it is limited."),
    "POST tenants/{tenant}/validate": Unrecorded("It stores nothing; it is limited."),
    "PUT tenants/{tenant}": Record(Action.TENANT_SAVED),
    "DELETE tenants/{tenant}": Record(Action.TENANT_DELETED),
    "PUT tenants/{tenant}/admins": Record(Action.ADMINS_SAVED),
    "PUT tenants/{tenant}/sso": Record(Action.SIGN_IN_SAVED),
    "DELETE tenants/{tenant}/sso": Record(Action.SIGN_IN_REMOVED),
    "PUT tenants/{tenant}/connection": Record(Action.CONNECTION_SAVED),
    "DELETE tenants/{tenant}/connection": Record(Action.CONNECTION_REMOVED),
    "POST tenants/{tenant}/connection/validate": Record(Action.CONNECTION_CHECKED),
    "PUT tenants/{tenant}/preferences": Record(Action.PREFERENCES_SAVED),
    "PUT tenants/{tenant}/locations/{location}": Record(Action.LOCATION_SAVED),
    "DELETE tenants/{tenant}/locations/{location}": Record(Action.LOCATION_DELETED),
    "PUT tenants/{tenant}/locations/{location}/groups": Record(Action.MAPPING_SAVED),
    "PUT tenants/{tenant}/locations/{location}/columns": Record(Action.COLUMNS_SAVED),
    "GET tenants/{tenant}/locations/{location}/recipients": Record(Action.RECIPIENTS_EXPORTED, is_export),
    "POST tenants/{tenant}/locations/{location}/recipients": Record(Action.FILE_IMPORTED),
    "PATCH tenants/{tenant}/locations/{location}/recipients/{recipient}": Record(Action.RECIPIENT_EDITED),
    "POST tenants/{tenant}/locations/{location}/imports": Record(Action.IMPORT_CREATED),
    "PUT tenants/{tenant}/locations/{location}/imports/{import}/parts/{number}": Unrecorded("Its import is recorded."),
    "POST tenants/{tenant}/locations/{location}/imports/{import}/start": Record(Action.IMPORT_STARTED),
    "POST tenants/{tenant}/email-filter-tests": Unrecorded("It computes an answer and stores nothing."),
    "POST tenants/{tenant}/users": Record(Action.USER_CREATED),
    "POST tenants/{tenant}/unmapped-groups": Record(Action.GROUP_UNMAPPED),
    "POST tenants/{tenant}/runs": Record(Action.RUN_STARTED),
    "GET tenants/{tenant}/runs/{run}/changes": Record(Action.CHANGES_EXPORTED, is_further_page),
    "POST tenants/{tenant}/runs/{run}/approve": Record(Action.RUN_APPROVED),
    "POST tenants/{tenant}/runs/{run}/reject": Record(Action.RUN_REJECTED),
    "POST tenants/{tenant}/runs/{run}/accept": Record(Action.RUN_ACCEPTED),
    "POST tenants/{tenant}/runs/{run}/undo": Record(Action.RUN_UNDONE),
    "POST tenants/{tenant}/pause": Record(Action.WRITING_PAUSED),
    "POST tenants/{tenant}/resume": Record(Action.WRITING_RESUMED),
    "POST pause": Record(Action.WRITING_PAUSED),
    "POST resume": Record(Action.WRITING_RESUMED),
    "POST tenants/{tenant}/erasures": Record(Action.PERSON_ERASED),
    "GET tenants/{tenant}/audit": Record(Action.AUDIT_EXPORTED, is_export),
    "GET audit": Record(Action.AUDIT_EXPORTED, is_export),
    "POST keys": Record(Action.KEY_CREATED),
    "DELETE keys/{key}": Record(Action.KEY_REVOKED),
    "POST ledger/{entry}/replay": Record(Action.MESSAGE_RETRIED),
    "DELETE ledger/{entry}": Record(Action.MESSAGE_DISCARDED),
}


def record_of(method: str, path: str) -> Record | None:
    """Return what a route is recorded as, None for a read or what is left out. Raises KeyError without a line."""
    rule = f"{method} {path}"
    record = RECORDS.get(rule) if method == "GET" else RECORDS[rule]
    return record if isinstance(record, Record) else None
