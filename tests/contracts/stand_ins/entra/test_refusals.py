"""The login service refuses as the real one does: by number, OAuth error and status."""

import re
import uuid
from dataclasses import dataclass, field

import pytest

from tests.contracts.stand_ins.entra.talking import Json, Talk

BODY = ("error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id", "error_uri")
DESCRIPTION = re.compile(r"AADSTS(\d+): .+ Trace ID: \S{36} Correlation ID: \S{36} Timestamp: \S{10} \S{8}Z", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One wrong entry; `{...}` in texts stands for what the admin API says of fabrikam."""

    name: str
    code: int
    error: str = "invalid_request"
    status: int = 400
    tenant: str = "{azure_tenant_id}"
    form: dict[str, str] = field(default_factory=dict)
    without: str = ""  #: a parameter that is not sent
    before: tuple[tuple[str, Json | None], ...] = ()  #: admin calls


ONE = "/directories/fabrikam"

MISTAKES = [
    Mistake(name="malformed tenant", code=900023, tenant="not a tenant"),
    Mistake(name="unknown tenant", code=90002, tenant=str(uuid.UUID(int=5, version=4))),
    Mistake(name="unknown domain", code=90002, tenant="nobody.example"),
    Mistake(
        name="tenant of another cloud",
        code=900382,
        before=(("POST /directories", {"name": "fabrikam", "users": 1, "cloud": "usgov"}),),
    ),
    Mistake(name="common", code=9001023, tenant="common"),
    Mistake(name="consumers", code=9001023, tenant="consumers"),
    Mistake(name="organizations", code=50194, tenant="organizations"),
    Mistake(
        name="unknown application", code=700016, error="unauthorized_client", form={"client_id": str(uuid.uuid4())}
    ),
    Mistake(
        name="object id pasted as application id",
        code=700016,
        error="unauthorized_client",
        form={"client_id": "{object_id}"},
    ),
    Mistake(
        name="no service principal",
        code=7000229,
        error="invalid_client",
        status=401,
        before=((f"PATCH {ONE}/application", {"consented": False}),),
    ),
    Mistake(
        name="wrong secret", code=7000215, error="invalid_client", status=401, form={"client_secret": "wrong~secret"}
    ),
    Mistake(
        name="secret id pasted",
        code=7000215,
        error="invalid_client",
        status=401,
        form={"client_secret": "{client_secret_id}"},
    ),
    Mistake(
        name="expired secret",
        code=7000222,
        error="invalid_client",
        status=401,
        before=((f"POST {ONE}/secrets/all/expire", None),),
    ),
    Mistake(
        name="secret expired by the clock",
        code=7000222,
        error="invalid_client",
        status=401,
        before=(("POST /clock", {"advance_s": 800 * 86_400}),),
    ),
    Mistake(name="no secret", code=7000218, error="invalid_client", status=401, without="client_secret"),
    Mistake(name="empty secret", code=900144, form={"client_secret": ""}),
    Mistake(name="no scope", code=900144, without="scope"),
    Mistake(
        name="disabled",
        code=7000112,
        error="unauthorized_client",
        before=((f"PATCH {ONE}/application", {"enabled": False}),),
    ),
    Mistake(name="scope without suffix", code=1002012, error="invalid_scope", form={"scope": "User.Read.All"}),
    Mistake(
        name="unknown resource", code=500011, error="invalid_resource", form={"scope": "https://vault.example/.default"}
    ),
    Mistake(name="grant type", code=70003, error="unsupported_grant_type", form={"grant_type": "password"}),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: one.name)
async def test_mistakes(talk: Talk, mistake: Mistake) -> None:
    """A wrong entry is refused with the number, error and status of the real service."""
    for call, body in mistake.before:
        await talk.admin(call, body)
    known = await talk.directory()
    form = {"client_id": known["application_id"], "client_secret": known["client_secret"]}
    form |= {"scope": f"{talk.entra.graph}/.default"} | mistake.form
    form = {name: value.format(**known) for name, value in form.items()}
    form.pop(mistake.without, None)
    if mistake.without == "scope":
        form["scope"] = ""
    reply = await talk.ask_token(mistake.tenant.format(**known), **form)
    assert (reply.status, reply.body["error"], reply.body["error_codes"]) == (
        mistake.status,
        mistake.error,
        [mistake.code],
    )
    assert set(BODY) <= set(reply.body)
    described = DESCRIPTION.fullmatch(reply.body["error_description"])
    assert described, reply.body
    assert described[1] == str(mistake.code)
    assert reply.body["error_uri"] == f"{talk.entra.login}/error?code={mistake.code}"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (53003, 400), (90038, 400), (900432, 400), (700027, 401), (70021, 400), (700213, 401),
        (700236, 401), (700024, 401),
        (90006, 503), (90012, 503), (90024, 503), (90033, 503), (90055, 429), (90090, 503),
        (50196, 400),
        (7000216, 401),
    ],
)  # fmt: skip
async def test_refusals_on_request(talk: Talk, code: int, status: int) -> None:
    """Every error of the table can be requested for one application, a given number of times."""
    known = await talk.directory()
    fault = {
        "where": "login",
        "application": known["application_id"],
        "count": 1,
        "action": {"type": "aadsts", "code": code},
    }
    await talk.admin("POST /faults", fault)
    credentials = {"client_id": known["application_id"], "client_secret": known["client_secret"]}
    refused = await talk.ask_token(known["azure_tenant_id"], **credentials)
    assert (refused.status, refused.body["error_codes"]) == (status, [code])
    assert (await talk.ask_token(known["azure_tenant_id"], **credentials)).status == 200


async def test_unknown_tenant_in_discovery(talk: Talk) -> None:
    """Discovery of an unknown tenant is `invalid_tenant`, a known one names its endpoints and issuer."""
    path = "v2.0/.well-known/openid-configuration"
    unknown = await talk.request("GET", f"{talk.entra.login}/nobody.example/{path}")
    assert (unknown.status, unknown.body["error"], unknown.body["error_codes"]) == (400, "invalid_tenant", [90002])
    tenant = (await talk.directory())["azure_tenant_id"]
    known = await talk.request("GET", f"{talk.entra.login}/{tenant}/{path}")
    assert known.body["token_endpoint"] == f"{talk.entra.login}/{tenant}/oauth2/v2.0/token"
    assert known.body["issuer"] == f"{talk.entra.login}/{tenant}/v2.0"
    assert known.body["jwks_uri"].startswith(talk.entra.login)


async def test_error_page(talk: Talk) -> None:
    """The error page explains a number."""
    page = await talk.request("GET", f"{talk.entra.login}/error?code=7000215")
    assert (page.status, "client secret" in page.body["text"]) == (200, True)
