"""Routes for imports of CSV files: inside a request, or uploaded in parts, started and followed."""

import asyncio
from http import HTTPStatus
from io import BytesIO
from typing import Final

import azure.functions as func
import msgspec

from shared.bootstrap import app
from shared.domain.access.callers import name_of
from shared.domain.access.rate_limit import Expense
from shared.domain.imports.columns import require_columns
from shared.domain.imports.csv_file import Reading
from shared.domain.imports.import_record import MAX_PART_BYTES, MAX_PARTS, UPLOAD_INSTEAD, ImportRef
from shared.domain.imports.row_decisions import ImportMode
from shared.errors import Rejected, TooLarge
from shared.triggers.http.framework.answers import Answer
from shared.triggers.http.framework.contracts import NO_LOCATION, Contract, Parameter, answers, one_of
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.triggers.http.schemas.imports import ImportView, PartView, UploadedImportView
from shared.triggers.http.schemas.runs import RunView

bp = func.Blueprint()

#: Maximum size of a file that is imported inside a request, in bytes.
_MAX_FILE: Final = 32 * 1024 * 1024
_MODE: Final = one_of("mode", "Keep (merge) or deactivate (overwrite) CSV recipients missing in the file.", ImportMode)
_COLUMNS: Final = Parameter(
    name="columns",
    about='Fields of columns, as a JSON object: `{"Primary Email": "mail", "Shoe size": null}`; null ignores one. The '
    "location remembers them once the file is imported; without this parameter, the remembered ones are used.",
)
_NOT_STARTED: Final = ("parts_missing", "file_too_large", "digest_mismatch")
_NO_IMPORT: Final = {404: (*NO_LOCATION[404], "import_not_found")}


class StartBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Starts an import with the number of parts and the SHA-256 of the file, or approves its held deactivations."""

    parts: int = 0
    sha256: str = ""
    approve: str = ""


@route(
    bp,
    "POST",
    "tenants/{tenant}/locations/{location}/recipients",
    Contract(
        answers=answers(ImportView),
        takes_csv=True,
        repeatable=True,
        expense=Expense.IMPORT,
        query=(
            _MODE,
            _COLUMNS,
            Parameter(name="approve", about="The `heldDigest` of an import whose deactivations are approved."),
            Parameter(
                name="dryRun",
                about="Only return what the import would change.",
                schema={"type": "boolean", "default": False},
            ),
        ),
        problems={
            **NO_LOCATION,
            409: ("run_active", "import_active", "paused", "request_in_progress"),
            413: ("too_many_rows", "file_too_large"),
            422: ("rows_refused",),
        },
    ),
)
async def recipients_import(request: Request) -> Answer:
    """Import a CSV file of at most 5,000 rows; 422 with all invalid rows, in which case nothing is changed."""
    mode = request.choice("mode", ImportMode) or ImportMode.MERGE
    file, approved, reading = _file(request), request.query("approve"), _reading(request)
    if request.flag("dryRun"):
        report = await app().import_csv.preview(request.tenant, request.location, file, mode, approved, reading)
    else:
        texts = (request.location, mode, approved, request.charset, request.query("columns"))
        contents = (*(text.encode() for text in texts), file.getvalue())
        repeatable = await asyncio.to_thread(request.repeatable, "import", *contents)
        report = await app().import_csv(
            request.tenant, request.location, file, mode, approved, name_of(request.caller), repeatable, reading
        )
    return Answer(ImportView.of(report))


@route(
    bp,
    "POST",
    "tenants/{tenant}/locations/{location}/imports",
    Contract(
        answers=answers(UploadedImportView, HTTPStatus.CREATED),
        query=(_MODE, _COLUMNS),
        located=True,
        expense=Expense.IMPORT,
        problems={**NO_LOCATION, 422: ("too_many_imports",)},
    ),
)
async def imports_post(request: Request) -> Answer:
    """Create an import, to which the parts of a file are then uploaded."""
    mode = request.choice("mode", ImportMode) or ImportMode.MERGE
    new = await app().upload_import.create(
        request.tenant, request.location, mode, name_of(request.caller), _reading(request)
    )
    address = f"/api/tenants/{new.tenant}/locations/{new.location}/imports/{new.id}"
    return Answer(UploadedImportView.of(new), HTTPStatus.CREATED, headers={"Location": address})


@route(
    bp,
    "GET",
    "tenants/{tenant}/locations/{location}/imports/{import}",
    Contract(answers=answers(UploadedImportView), problems=_NO_IMPORT),
)
async def imports_get(request: Request) -> Answer:
    """Return the state and the result of an import."""
    stored, sizes = await app().upload_import.get(_ref(request))
    return Answer(UploadedImportView.of(stored, sizes))


@route(
    bp,
    "PUT",
    "tenants/{tenant}/locations/{location}/imports/{import}/parts/{number}",
    Contract(
        answers=answers(PartView),
        takes_csv=True,
        expense=Expense.UPLOAD,
        problems={**_NO_IMPORT, 400: ("invalid_part",), 409: ("import_started",), 422: ("file_too_large",)},
    ),
)
async def imports_put_part(request: Request) -> Answer:
    """Store one part of the file; a repeated upload replaces the part."""
    number = _number(request.parameters["number"])
    content = request.file(MAX_PART_BYTES).getvalue()
    await app().upload_import.put_part(_ref(request), number, content, request.charset)
    return Answer(PartView(number=number, bytes=len(content)))


@route(
    bp,
    "POST",
    "tenants/{tenant}/locations/{location}/imports/{import}/start",
    Contract(
        answers=answers(RunView, HTTPStatus.ACCEPTED),
        body=StartBody,
        located=True,
        expense=Expense.IMPORT,
        problems={**_NO_IMPORT, 409: ("import_started", "import_ended"), 422: _NOT_STARTED},
    ),
)
async def imports_start(request: Request) -> Answer:
    """Start the import and return its run (202)."""
    body = request.body(StartBody)
    run = await app().upload_import.start(_ref(request), body.parts, body.sha256, body.approve)
    return Answer(
        RunView.of(run), HTTPStatus.ACCEPTED, headers={"Location": f"/api/tenants/{run.tenant}/runs/{run.id}"}
    )


def _file(request: Request) -> BytesIO:
    if (size := len(request.raw.get_body())) > _MAX_FILE:
        raise TooLarge(f"The file has {size} bytes; at most {_MAX_FILE}. {UPLOAD_INSTEAD}", code="file_too_large")
    return request.file(_MAX_FILE)


def _reading(request: Request) -> Reading:
    given = request.query("columns")
    try:
        columns = msgspec.json.decode(given, type=dict[str, str | None]) if given else None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Rejected(f"Invalid columns: {error}. Use a JSON object.", code="invalid_query") from error
    require_columns(columns or {}, "invalid_query")
    return Reading(charset=request.charset, columns=columns, remember=columns is not None)


def _ref(request: Request) -> ImportRef:
    return ImportRef(request.tenant, request.location, request.import_)


def _number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_PARTS)) else 0
    if not 1 <= number <= MAX_PARTS:
        raise Rejected(f"Invalid part number {text[:80]!r}: use 1 to {MAX_PARTS}.", code="invalid_part")
    return number
