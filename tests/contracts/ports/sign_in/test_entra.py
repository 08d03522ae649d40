"""Who is believed to be signed in, by the keys of a login service that a test plays."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.adapters.sign_in import EntraSignIn
from shared.domain.access.callers import Person
from tests.support.builders import person
from tests.support.login_service import AUDIENCE, PERSON, TENANT, Keys, bearer, opened, refused


@pytest.mark.parametrize(
    "changes",
    [{}, {"aud": f"api://{AUDIENCE}"}, {"iss": f"https://sts.windows.net/{TENANT}/"}, {"exp": time.time() + 3_000}],
)
async def test_a_token_of_the_login_service_is_believed(
    keys: Keys, sign_in: EntraSignIn, changes: dict[str, Any]
) -> None:
    """Of either version, for the API by id or by its URI."""
    found = await sign_in.person(bearer(keys.token(**changes)))
    assert found == Person(azure_tenant_id=TENANT, object_id=PERSON, roles=frozenset({"Operator"}))


@pytest.mark.parametrize("roles", [None, "Operator", [], {"Operator": 1}])
async def test_roles_are_a_list_or_none(keys: Keys, sign_in: EntraSignIn, roles: object) -> None:
    """Whatever else stands there gives none."""
    assert (await sign_in.person(bearer(keys.token(roles=roles)))).roles == frozenset()


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": person(1)},
        {"aud": "https://graph.microsoft.com"},
        {"aud": None},
        {"iss": "https://login.evil.example/v2.0"},
        {"iss": f"https://sts.windows.net/{person(5)}/"},
        {"iss": None},
        {"tid": person(5)},
        {"tid": None},
        {"tid": "not-a-guid"},
        {"oid": None},
        {"oid": ""},
        {"exp": time.time() - 120},
        {"exp": None},
        {"nbf": time.time() + 3_000},
        {"nbf": None},
    ],
)
async def test_a_token_for_others_or_of_another_time_is_refused(
    keys: Keys, sign_in: EntraSignIn, changes: dict[str, Any]
) -> None:
    """Audience, issuer, tenant, person and times each have to be right."""
    assert await refused(sign_in, bearer(keys.token(**changes))) == "not_signed_in"


@pytest.mark.parametrize(
    "changes",
    [
        {"scp": None},
        {"scp": ""},
        {"scp": " "},
        {"scp": ["access_as_user"]},
        {"scp": None, "idtyp": "app"},
        {"idtyp": "app"},
    ],
)
async def test_a_token_of_an_application_is_not_a_person(
    keys: Keys, sign_in: EntraSignIn, changes: dict[str, Any]
) -> None:
    """An application with the role Operator has no scopes, and does not become an operator."""
    assert await refused(sign_in, bearer(keys.token(**changes))) == "not_signed_in"


def _unsigned(keys: Keys) -> str:
    return jwt.encode(keys.claims(), "", algorithm="none", headers={"kid": "key-1"})


def _forged(keys: Keys) -> str:
    other = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    return jwt.encode(keys.claims(), other, algorithm="RS256", headers={"kid": "key-1"})


def _by_the_public_key(keys: Keys) -> str:
    """Sign with HMAC under the text of the public key, which libraries that trust `alg` take for a good signature."""
    pem = keys.mine.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"key-1"}').rstrip(b"=")
    body = base64.urlsafe_b64encode(json.dumps(keys.claims()).encode()).rstrip(b"=")
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(head + b"." + body, pem)
    return b".".join((head, body, base64.urlsafe_b64encode(signature).rstrip(b"="))).decode()


def _changed(keys: Keys) -> str:
    head, body, signature = keys.token(roles=[]).split(".")
    padded = json.loads(base64.urlsafe_b64decode(body + "=="))
    raised = base64.urlsafe_b64encode(json.dumps(padded | {"roles": ["Operator"]}).encode()).rstrip(b"=").decode()
    return f"{head}.{raised}.{signature}"


@pytest.mark.parametrize("make", [_unsigned, _forged, _by_the_public_key, _changed, lambda _: "a.b.c", lambda _: "x"])
async def test_a_token_that_the_login_service_did_not_sign_is_refused(
    keys: Keys, sign_in: EntraSignIn, make: Callable[[Keys], str]
) -> None:
    """Unsigned, by another key, by the wrong algorithm, changed afterwards, or no token at all."""
    assert await refused(sign_in, bearer(make(keys))) == "not_signed_in"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "token",
    [
        "\udcff.\udcfe.\udcfd", "\xe4.b.c", "\ud800", f"{_encoded(bytes([255, 254]))}.b.c",
        f"{_encoded(b'[' * 9_000)}.b.c", f"{_encoded(b'[]')}.b.c", f"{_encoded(b'{}')}.b.c", "a" * 60_000,
    ],
)  # fmt: skip
async def test_a_token_that_cannot_be_read_is_refused(sign_in: EntraSignIn, token: str) -> None:
    """Bytes that are not UTF-8, which a host passes on as halves of pairs, and JSON without an end."""
    assert await refused(sign_in, bearer(token)) == "not_signed_in"


async def test_whoever_carries_no_token_is_told_so(keys: Keys, sign_in: EntraSignIn) -> None:
    """Other schemes and empty headers are none."""
    for headers in ({}, {"authorization": ""}, {"authorization": "Bearer "}, {"authorization": "Basic eDp5"}):
        assert await refused(sign_in, headers) == "not_signed_in"
    assert await refused(EntraSignIn(None), bearer(keys.token())) == "sign_in_off"


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "application/at+jwt"])
async def test_types_of_access_tokens_are_believed(keys: Keys, sign_in: EntraSignIn, typ: str) -> None:
    """As Entra ID writes it, and as RFC 9068 does."""
    assert (await sign_in.person(bearer(keys.token(typ=typ)))).object_id == PERSON


@pytest.mark.parametrize("typ", [None, "", "pop", "dpop+jwt", "logout+jwt", "secevent+jwt"])
async def test_other_types_of_tokens_are_refused(keys: Keys, sign_in: EntraSignIn, typ: str | None) -> None:
    """What the same service signs for another purpose; without asking for its key."""
    assert await refused(sign_in, bearer(keys.token(typ=typ))) == "not_signed_in"
    assert keys.asked == 0


async def test_only_the_named_applications_get_people_in(keys: Keys) -> None:
    """By `azp`, or `appid` in version 1.0; all of them where none is named."""
    portal = person(70)
    some = opened(keys, easy_auth=False, clients=frozenset({portal}))
    for claim in ({"azp": portal}, {"appid": portal}):
        assert (await some.person(bearer(keys.token(**claim)))).object_id == PERSON
    for wrong in ({}, {"azp": person(71)}, {"appid": person(71)}, {"azp": person(71), "appid": portal}):
        assert await refused(some, bearer(keys.token(**wrong))) == "not_signed_in"
    assert (await opened(keys, easy_auth=False).person(bearer(keys.token(azp=person(71))))).object_id == PERSON


V1, V2 = f"https://sts.windows.net/{TENANT}/", f"/{TENANT}/v2.0"


@pytest.mark.parametrize(
    ("named", "signs"),
    [
        (None, {V1, V2}),
        ("{login}/{tenantid}/v2.0", {V1, V2}),
        (f"{{login}}/{TENANT}/v2.0", {V1, V2}),
        ("https://sts.windows.net/{tenantid}/", {V1}),
        (f"{{login}}/{person(5)}/v2.0", set()),
        ("https://login.evil.example/{tenantid}/v2.0", set()),
        ("{login}/{tenantid}/V2.0", set()),
        ("", set()),
        (7, set()),
    ],
)
async def test_a_key_signs_for_the_issuer_that_its_entry_names(keys: Keys, named: object, signs: set[str]) -> None:
    """A key of one Azure tenant, or of another cloud, does not sign for others; without a name, for all tenants."""
    if named is not None:
        keys.published[0]["issuer"] = named.replace("{login}", keys.url) if isinstance(named, str) else named
    sign_in = opened(keys, easy_auth=False)
    for issuer in (V1, V2):
        headers = bearer(keys.token(iss=issuer if issuer == V1 else f"{keys.url}{issuer}"))
        if issuer in signs:
            assert (await sign_in.person(headers)).object_id == PERSON
        else:
            assert await refused(sign_in, headers) == "not_signed_in"


def principal(**changes: str) -> dict[str, str]:
    """Return the header that Easy Auth sets for somebody who signed in."""
    claims = {
        "aud": AUDIENCE,
        "http://schemas.microsoft.com/identity/claims/tenantid": TENANT,
        "http://schemas.microsoft.com/identity/claims/objectidentifier": PERSON,
        "roles": "Operator",
        **changes,
    }
    content = {"auth_typ": "aad", "claims": [{"typ": name, "val": value} for name, value in claims.items() if value]}
    return {"x-ms-client-principal": base64.b64encode(json.dumps(content).encode()).decode()}


async def test_easy_auth_is_believed_only_where_it_is_set_up(keys: Keys) -> None:
    """By a setting of the operator's: anybody can send the header where the platform does not strip it."""
    found = await opened(keys, easy_auth=True).person(principal())
    assert found == Person(azure_tenant_id=TENANT, object_id=PERSON, roles=frozenset({"Operator"}))
    pairwise = {"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier": "AAAA-pairwise"}
    assert await opened(keys, easy_auth=True).person(principal(**pairwise)) == found
    assert await refused(opened(keys, easy_auth=False), principal()) == "not_signed_in"
    assert keys.asked == 0


@pytest.mark.parametrize(
    "headers",
    [
        principal(aud=person(1)),
        principal(aud=""),
        principal(tid=person(5)),
        principal(idtyp="app"),
        principal(sub=PERSON),
        principal(**{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier": PERSON}),
        principal(**{"http://schemas.microsoft.com/identity/claims/objectidentifier": ""}),
        {"x-ms-client-principal": "no base64"},
        {"x-ms-client-principal": "\udcff"},
        {"x-ms-client-principal": base64.b64encode(b'{"x":' + b"[" * 9_000).decode()},
        {"x-ms-client-principal": base64.b64encode(b"{}").decode()},
        {"x-ms-client-principal": base64.b64encode(b'{"auth_typ": "google", "claims": []}').decode()},
    ],
)
async def test_what_easy_auth_says_of_others_is_refused(keys: Keys, headers: dict[str, str]) -> None:
    """Another audience, two tenants, an application, nobody, another provider, or no such header."""
    assert await refused(opened(keys, easy_auth=True), headers) == "not_signed_in"
