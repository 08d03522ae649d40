"""Imports of files that are too large for one request: sent in parts, started, and followed."""

from http import HTTPStatus
from typing import Any

import azure.functions as func
import msgspec

from shared.bootstrap import app
from shared.domain.callers import name_of
from shared.domain.importing import ImportMode
from shared.domain.imports import MAX_PART_BYTES, MAX_PARTS, Import, ImportRef, Outcome
from shared.errors import Rejected
from shared.triggers.http.answers import Answer
from shared.triggers.http.requests import Request
from shared.triggers.http.routing import route
from shared.triggers.http.runs import run_view

bp = func.Blueprint()


class StartBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What starts an import: of how many parts the file is, and its SHA-256; or what approves those it holds."""

    parts: int = 0
    sha256: str = ""
    approve: str = ""


@route(bp, "POST", "tenants/{tenant}/locations/{location}/imports")
async def imports_post(request: Request) -> Answer:
    """Begin an import, to which parts of a file can be sent then."""
    mode = request.choice("mode", ImportMode) or ImportMode.MERGE
    new = await app().upload_import.create(request.tenant, request.location, mode, name_of(request.caller))
    address = f"/api/tenants/{new.tenant}/locations/{new.location}/imports/{new.id}"
    return Answer(_view(new), HTTPStatus.CREATED, headers={"Location": address})


@route(bp, "GET", "tenants/{tenant}/locations/{location}/imports/{import}")
async def imports_get(request: Request) -> Answer:
    """Answer where an import is, and what became of its rows."""
    found, sizes = await app().upload_import.get(_ref(request))
    received = {str(number): size for number, size in sorted(sizes.items())}
    return Answer({**_view(found), "received": received})


@route(bp, "PUT", "tenants/{tenant}/locations/{location}/imports/{import}/parts/{number}")
async def imports_put_part(request: Request) -> Answer:
    """Take one part of the file, as it is; sent again it takes the place of what was sent before."""
    number = _number(request.parameters["number"])
    content = request.file(MAX_PART_BYTES).getvalue()
    await app().upload_import.put_part(_ref(request), number, content)
    return Answer({"number": number, "bytes": len(content)})


@route(bp, "POST", "tenants/{tenant}/locations/{location}/imports/{import}/start")
async def imports_start(request: Request) -> Answer:
    """Have the file imported; 202 and the run, because it takes a while."""
    body = request.body(StartBody)
    run = await app().upload_import.start(_ref(request), body.parts, body.sha256, body.approve)
    return Answer(run_view(run), HTTPStatus.ACCEPTED, headers={"Location": f"/api/tenants/{run.tenant}/runs/{run.id}"})


def _ref(request: Request) -> ImportRef:
    return ImportRef(request.tenant, request.location, request.import_)


def _number(text: str) -> int:
    number = int(text) if text.isdecimal() and len(text) <= len(str(MAX_PARTS)) else 0
    if not 1 <= number <= MAX_PARTS:
        raise Rejected(f"{text[:80]!r} is no number of a part; use 1 to {MAX_PARTS}.", code="invalid_part")
    return number


def _view(found: Import) -> dict[str, Any]:
    outcome = found.outcome if found.outcome is not None and found.state.ended else None
    known = outcome or Outcome(state=found.state)
    return {
        "id": found.id,
        "location": found.location,
        "mode": found.mode,
        "state": found.state,
        "requestedBy": found.by,
        "at": found.at,
        "run": found.run,
        "problem": known.problem,
        "rows": known.rows,
        "unchanged": known.unchanged,
        "refusedRows": known.refused_rows,
        "problems": known.problems,
        "held": known.held,
        "heldDigest": known.held_digest,
    }
