"""Routes for the erasure of one person."""

from http import HTTPStatus

import azure.functions as func
import msgspec

from shared.bootstrap import app
from shared.domain.access.callers import name_of
from shared.domain.access.rate_limit import Expense
from shared.domain.erasure.person import Identifier
from shared.domain.ids import run_id
from shared.errors import Rejected
from shared.triggers.http.framework.answers import Answer
from shared.triggers.http.framework.contracts import NO_TENANT, Contract, answers
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.triggers.http.schemas.erasures import ErasureView

bp = func.Blueprint()


class PersonBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Identifies a person: by one of a recipient id, a directory id and an e-mail address."""

    recipient: str | None = None
    object_id: str | None = None
    mail: str | None = None

    def identified(self) -> tuple[Identifier, str]:
        """Return what identifies the person. Raises Rejected unless it is exactly one value."""
        values = {
            Identifier.RECIPIENT: self.recipient,
            Identifier.OBJECT_ID: self.object_id,
            Identifier.MAIL: self.mail,
        }
        given = [(kind, text) for kind, text in values.items() if text is not None]
        if len(given) != 1:
            raise Rejected("Name the person by exactly one of recipient, objectId and mail.", code="invalid_body")
        return given[0]


@route(
    bp,
    "POST",
    "tenants/{tenant}/erasures",
    Contract(
        answers=answers(ErasureView, HTTPStatus.ACCEPTED),
        body=PersonBody,
        located=True,
        expense=Expense.RUNS,
        problems={**NO_TENANT, 400: ("invalid_value",)},
    ),
)
async def erasures_post(request: Request) -> Answer:
    """Erase one person from everything that is stored, or continue this, and return how far it is (202)."""
    tenant = request.tenant
    identifier, text = request.body(PersonBody).identified()
    report = await app().erase_person.start(tenant, identifier, text, name_of(request.caller))
    address = f"/api/tenants/{tenant}/erasures/{report.erasure.id}"
    return Answer(ErasureView.of(report), HTTPStatus.ACCEPTED, headers={"Location": address})


@route(
    bp,
    "GET",
    "tenants/{tenant}/erasures/{erasure}",
    Contract(answers=answers(ErasureView), problems={404: (*NO_TENANT[404], "erasure_not_found")}),
)
async def erasures_get(request: Request) -> Answer:
    """Return how far an erasure is, what is still elsewhere, and whether a sync can bring the person back."""
    tenant, name = request.tenant, run_id(request.parameters["erasure"])
    return Answer(ErasureView.of(await app().erase_person.get(tenant, name)))
