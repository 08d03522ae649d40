"""Recipients of a location, searched and paged."""

from typing import Any, Final

import azure.functions as func
import msgspec
from msgspec import UNSET, UnsetType

from shared.bootstrap import app
from shared.domain.callers import name_of
from shared.domain.csv_rows import MAX_TEXT, export
from shared.domain.ids import recipient_id
from shared.domain.importing import ImportMode
from shared.domain.recipient import TEXT_FIELDS, Origin, Recipient, Status
from shared.errors import Rejected
from shared.triggers.http.answers import Answer
from shared.triggers.http.requests import Request
from shared.triggers.http.routing import route
from shared.triggers.http.runs import run_view
from shared.workflows.observe import RecipientFilter

#: Most recipients in one answer.
_MAX_PAGE: Final = 1_000
_CSV: Final = "text/csv"
#: Largest file that is imported at once, in bytes.
_MAX_FILE: Final = 32 * 1024 * 1024

bp = func.Blueprint()


class RecipientBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What changes a recipient: fields, of which those left out stay, and whether parcels can be addressed to them."""

    active: bool | UnsetType = UNSET
    display_name: str | UnsetType | None = UNSET
    given_name: str | UnsetType | None = UNSET
    surname: str | UnsetType | None = UNSET
    mail: str | UnsetType | None = UNSET
    mobile_phone: str | UnsetType | None = UNSET
    business_phone: str | UnsetType | None = UNSET
    department: str | UnsetType | None = UNSET
    job_title: str | UnsetType | None = UNSET
    office_location: str | UnsetType | None = UNSET
    employee_id: str | UnsetType | None = UNSET
    employee_type: str | UnsetType | None = UNSET
    company_name: str | UnsetType | None = UNSET
    manager_name: str | UnsetType | None = UNSET
    manager_mail: str | UnsetType | None = UNSET

    def fields(self) -> dict[str, str | None]:
        """Return the profile fields that are named. Raises: Rejected."""
        found: dict[str, str | None] = {}
        for name in TEXT_FIELDS:
            value = getattr(self, name)
            if value is UNSET:
                continue
            text = " ".join(value.split()) if value else ""
            if len(text) > MAX_TEXT or not text.isprintable():
                raise Rejected(
                    f"{name} has more than {MAX_TEXT} characters, or some not printable.", code="invalid_value"
                )
            found[name] = text or None
        return found


@route(bp, "POST", "tenants/{tenant}/locations/{location}/recipients")
async def recipients_import(request: Request) -> Answer:
    """Import a CSV file; 422 with every row that is wrong, and then nothing is written."""
    mode = request.choice("mode", ImportMode) or ImportMode.MERGE
    report = await app().import_csv(
        request.tenant,
        request.location,
        request.file(_MAX_FILE),
        mode,
        request.query("approve"),
        name_of(request.caller),
    )
    return Answer({**msgspec.to_builtins(report), "run": run_view(report.run) if report.run else None})


@route(bp, "PATCH", "tenants/{tenant}/locations/{location}/recipients/{recipient}")
async def recipients_edit(request: Request) -> Answer:
    """Change one recipient by hand."""
    body = request.body(RecipientBody)
    active = None if isinstance(body.active, UnsetType) else body.active
    edited = await app().edit_recipient(
        request.tenant, request.location, request.recipient, body.fields(), active, name_of(request.caller)
    )
    return Answer(_view(edited))


@route(bp, "GET", "tenants/{tenant}/locations/{location}/recipients")
async def recipients_list(request: Request) -> Answer:
    """Answer a page of recipients and the cursor of the next; or, as CSV, all of them."""
    if _CSV in request.header("accept"):
        found = await app().observe.everybody(request.tenant, request.location, _filter(request))
        name = f"{request.tenant}-{request.location}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Answer(export(found), headers=headers, mimetype=_CSV)
    found, after = await app().observe.page(request.tenant, request.location, _filter(request))
    return Answer({"recipients": [_view(each) for each in found], "cursor": after})


@route(bp, "GET", "tenants/{tenant}/explain")
async def explain(request: Request) -> Answer:
    """Answer, per location, whether somebody is a recipient, and why."""
    return Answer(await app().explain(request.tenant, request.query("user")))


def _filter(request: Request) -> RecipientFilter:
    cursor = request.query("cursor")
    return RecipientFilter(
        search=request.query("search"),
        status=request.choice("status", Status),
        origin=request.choice("origin", Origin),
        after=recipient_id(cursor) if cursor else "",
        limit=_limit(request.query("limit", "100")),
    )


def _limit(text: str) -> int:
    limit = int(text) if text.isdecimal() and len(text) <= len(str(_MAX_PAGE)) else 0
    if not 1 <= limit <= _MAX_PAGE:
        raise Rejected(f"limit is {text[:80]!r}; use 1 to {_MAX_PAGE}.", code="invalid_query")
    return limit


def _view(recipient: Recipient) -> dict[str, Any]:
    return {
        "id": recipient.id,
        "origin": recipient.origin,
        "status": recipient.status,
        "objectId": recipient.object_id,
        "reason": recipient.reason,
        "groups": recipient.groups,
        **msgspec.to_builtins(recipient.profile),
    }
