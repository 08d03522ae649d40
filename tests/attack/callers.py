"""Callers, by the headers that they send: a few with access, and the others without."""

import base64
import json
import time
from functools import cache
from math import inf
from typing import Final

import jwt

from shared.adapters.sign_in import EntraSignIn, _SigningKey
from shared.settings import SignInSettings
from tests.support.builders import person
from tests.support.login_service import Keys

AUDIENCE: Final = person(999)
#: Azure tenants: the operator's, those of the two customers, and one that the product does not know.
HOME, CONTOSO, FABRIKAM, ELSEWHERE = (person(number) for number in (900, 901, 902, 905))
LOGIN: Final = "https://login.example"
SETTINGS: Final = SignInSettings(audience=AUDIENCE, operator_tenant=HOME, easy_auth=False, login=LOGIN)

Headers = dict[str, str]
#: Claims of people whose sign-in is good.
_PEOPLE: Final = {
    "operator": {"tid": HOME, "oid": person(1), "roles": ["Operator"]},
    "contoso": {"tid": CONTOSO, "oid": person(2), "roles": ["TenantAdmin"]},
    "fabrikam": {"tid": FABRIKAM, "oid": person(3), "roles": ["TenantAdmin"]},
    "a foreign admin": {"tid": ELSEWHERE, "oid": person(4), "roles": ["TenantAdmin"]},
    "an operator of another Azure tenant": {"tid": CONTOSO, "oid": person(5), "roles": ["Operator"]},
    "an unknown operator": {"tid": ELSEWHERE, "oid": person(6), "roles": ["Operator"]},
    "a person without a role": {"tid": HOME, "oid": person(7), "roles": []},
    "a person with a misspelt role": {"tid": HOME, "oid": person(8), "roles": ["operator", "Operator "]},
}
#: People with a good sign-in who may not use the routes of a tenant that is not theirs.
STRANGERS: Final = ("fabrikam", *(name for name in _PEOPLE if " " in name))
#: People who may not use any route but the public ones.
WITHOUT_ROLE: Final = tuple(name for name in STRANGERS if name not in {"fabrikam", "a foreign admin"})
#: Heads of tokens that no login service writes.
_HEADS: Final = (
    b"", b"[]", b"null", b"{", b"\xff", b'{"alg":[]}', b'{"alg":"RS256"}', b'{"alg":"none","typ":"JWT","kid":"key-1"}',
    b'{"alg":"RS256","typ":"JWT","kid":1e999}', b'{"alg":"RS256","typ":"JWT","kid":{"a":1}}',
    b'{"alg":"RS256","typ":{"a":1},"kid":"key-1"}', b'{"alg":"RS256","typ":"JWT","kid":"key-1","crit":["x"]}',
    b'{"alg":"RS256","typ":"JWT","kid":"key-1","b64":false}', b'{"alg":"HS256","typ":"JWT","kid":"key-1"}',
    b'{"alg":"RS256","typ":"JWT","kid":"key-1","jku":"https://evil.example/keys"}', b'{"x":' + b"9" * 5_000 + b"}",
)  # fmt: skip
#: What is wrong with the claims of an operator's token; None leaves a claim out.
_BAD_CLAIMS: Final[dict[str, dict[str, object]]] = {
    "an application": {"scp": None, "idtyp": "app"},
    "an application with scopes": {"idtyp": "app"},
    "an ID token": {"scp": None},
    "expired": {"exp": 1_700_000_000},
    "not valid yet": {"nbf": 4_000_000_000},
    "without an end": {"exp": None},
    "another audience": {"aud": "https://graph.microsoft.com"},
    "another issuer": {"iss": f"https://login.evil.example/{HOME}/v2.0"},
    "another tenant's issuer": {"iss": f"{LOGIN}/{ELSEWHERE}/v2.0"},
    "without a person": {"oid": None},
    "without a tenant": {"tid": None},
    "a tenant that is not a GUID": {"tid": "common"},
}


@cache
def keys() -> Keys:
    """Return the login service's signing keys."""
    made = Keys()
    made.url = LOGIN
    return made


def sign_in() -> EntraSignIn:
    """Return the adapter, which has loaded the keys."""
    adapter = EntraSignIn(SETTINGS)
    known = jwt.PyJWKSet.from_dict({"keys": keys().published})
    issuer = f"{LOGIN}/{{tenantid}}/v2.0"
    adapter._keys = {str(key.key_id): _SigningKey(key, issuer) for key in known.keys}
    adapter._fetched_s, adapter._tried_s, adapter._is_down = inf, inf, False  # they are never loaded again
    return adapter


@cache
def bearer(name: str) -> str:
    """Return the Authorization header of a person with a good sign-in."""
    return f"Bearer {_token(**_PEOPLE[name])}"


def _token(**changes: object) -> str:
    claims = {"aud": AUDIENCE, "exp": int(time.time()) + 86_400, **_PEOPLE["operator"], **changes}
    claims.setdefault("iss", f"{LOGIN}/{claims['tid']}/v2.0")
    return keys().token(**claims)  # type: ignore[arg-type] # kid and typ are texts


@cache
def refused() -> dict[str, Headers]:
    """Return headers that sign in no one, by what is wrong with them."""
    good = _token()
    head, body, signature = good.split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","kid":"key-1","typ":"JWT"}').rstrip(b"=").decode()
    principal = {"auth_typ": "aad", "claims": [{"typ": "tid", "val": HOME}, {"typ": "roles", "val": "Operator"}]}
    texts = {
        **{name: f"Bearer {_token(**changes)}" for name, changes in _BAD_CLAIMS.items()},
        "an unknown key": f"Bearer {keys().token(kid='key-9')}",
        "a key id that is a path": f"Bearer {keys().token(kid='../../etc/passwd')}",
        "a logout token": f"Bearer {keys().token(typ='logout+jwt')}",
        "unsigned": f"Bearer {unsigned}.{body}.",
        "a signature of another token": f"Bearer {head}.{body}.{_token(oid=person(9)).split('.')[2]}",
        "without a signature": f"Bearer {head}.{body}",
        "two tokens": f"Bearer {good} {good}",
        "two headers": f"Bearer {good},Bearer {good}",
        "another scheme": f"Basic {base64.b64encode(b'operator:x').decode()}",
        "another alphabet": "Bearer \u202eeyJhbGciOiJub25lIn0",
        "halves of characters": f"Bearer {base64.urlsafe_b64encode(bytes([0xFF, 0xFE, 0x80])).decode()}.e30.e30",
        "deep": "Bearer " + base64.urlsafe_b64encode(b"[" * 3_000).decode() + ".e30.e30",
        "empty": "Bearer ",
        "a text": "Bearer null",
    }
    for number, odd in enumerate(_HEADS):
        encoded = base64.urlsafe_b64encode(odd).rstrip(b"=").decode()
        texts[f"an odd head, {number}"] = f"Bearer {encoded}.{body}.{signature}"
    headers: dict[str, Headers] = {name: {"Authorization": text} for name, text in texts.items()}
    return headers | {
        "no one": {},
        "a function key at the door for people": {"x-functions-key": "function-key"},
        "a principal": {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(principal).encode()).decode()},
        "a cookie": {"Cookie": "AppServiceAuthSession=x"},
    }


def from_another_site(origin: str | None) -> Headers:
    """Return the headers of an operator whose browser sends a cookie for a page of another website."""
    cookie = {"Cookie": "AppServiceAuthSession=x", "Sec-Fetch-Site": "cross-site"}
    return {"Authorization": bearer("operator"), **cookie, **({"Origin": origin} if origin is not None else {})}
