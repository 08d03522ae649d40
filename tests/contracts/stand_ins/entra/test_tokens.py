"""Tokens: their claims, the clients that get one, and the tokens that Graph accepts."""

import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import ClientSecretCredential, ManagedIdentityCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from infra.local.stack.certificates import Certificates
from tests.contracts.stand_ins.entra.talking import Json, Talk

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


async def claims_of(talk: Talk, token: str) -> Json:
    """The claims, verified with the published keys."""
    keys = (await talk.request("GET", f"{talk.entra.login}/common/discovery/v2.0/keys")).body["keys"]
    key = next(one for one in keys if one["kid"] == jwt.get_unverified_header(token)["kid"])
    claims: Json = jwt.decode(token, jwt.PyJWK(key), algorithms=["RS256"], options={"verify_aud": False})
    return claims


async def test_claims(talk: Talk) -> None:
    """A token contains the application, the audience and the roles. The published key verifies its signature."""
    known = await talk.directory()
    claims = await claims_of(talk, await talk.token())
    assert claims["iss"] == f"https://sts.windows.net/{known['azure_tenant_id']}/"
    assert claims["aud"] == talk.entra.graph
    assert (claims["tid"], claims["oid"], claims["appid"], claims["idtyp"]) == (
        known["azure_tenant_id"],
        known["object_id"],
        known["application_id"],
        "app",
    )
    assert claims["roles"] == ["Group.Read.All", "GroupMember.Read.All", "User.Read.All"]
    assert claims["nbf"] <= time.time() < claims["exp"]


async def test_no_roles_claim_without_a_grant(talk: Talk) -> None:
    """Without granted permissions, a token lacks the claim `roles`, and Graph answers 403."""
    known = await talk.directory()
    await talk.admin("POST /directories/fabrikam/roles", {"revoke": known["roles"]})
    assert "roles" not in await claims_of(talk, await talk.token())
    refused = await talk.graph("GET /users?$top=1")
    assert (refused.status, refused.code) == (403, "Authorization_RequestDenied")


async def test_a_grant_shows_in_new_tokens_only(talk: Talk) -> None:
    """A permission granted or revoked changes nothing for tokens that were issued before."""
    await talk.token()
    await talk.admin("POST /directories/fabrikam/roles", {"grant": ["Application.Read.All"]})
    assert (await talk.graph("GET /applications")).status == 403
    await talk.token()
    assert (await talk.graph("GET /applications")).status == 200


async def test_azure_identity(talk: Talk, tls: Certificates) -> None:
    """The real credential gets a token, and names the refusal when the secret is wrong."""
    known = await talk.directory()
    options: Json = {
        "authority": talk.entra.login,
        "disable_instance_discovery": True,
        "connection_verify": str(tls.ca),
    }
    ids = known["azure_tenant_id"], known["application_id"]
    async with ClientSecretCredential(*ids, known["client_secret"], **options) as right:
        token = await right.get_token(f"{talk.entra.graph}/.default")
        assert token.expires_on > time.time()
    async with ClientSecretCredential(*ids, "wrong", **options) as wrong:
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
            await wrong.get_token(f"{talk.entra.graph}/.default")


async def test_managed_identity(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real managed identity credential gets a token for the resource it asks for."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{talk.entra.admin}/identity")
    monkeypatch.setenv("IDENTITY_HEADER", "the header")
    async with ManagedIdentityCredential() as credential:
        token = await credential.get_token("https://storage.azure.com/.default")
    claims = await claims_of(talk, token.token)
    assert (claims["aud"], claims["tid"]) == ("https://storage.azure.com", talk.entra.state.operator_tenant_id)
    assert claims["iss"] == f"https://sts.windows.net/{talk.entra.state.operator_tenant_id}/"


async def test_managed_identity_without_the_header(talk: Talk) -> None:
    """Without the secret header, a request gets no token."""
    url = f"{talk.entra.admin}/identity?resource=https://vault.azure.net&api-version=2019-08-01"
    assert (await talk.request("GET", url)).status == 401
    assert (await talk.request("GET", url, headers={"X-IDENTITY-HEADER": "another"})).status == 401


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
async def test_strange_tokens(talk: Talk, token: str) -> None:
    """Graph does not believe what was not issued here."""
    reply = await talk.request("GET", f"{talk.entra.graph}/v1.0/users", headers={"Authorization": f"Bearer {token}"})
    assert (reply.status, reply.code) == (401, "InvalidAuthenticationToken")


async def test_token_for_another_audience(talk: Talk) -> None:
    """A token for storage does not open Graph."""
    url = f"{talk.entra.admin}/identity?resource=https://storage.azure.com&api-version=2019-08-01"
    issued = await talk.request("GET", url, headers={"X-IDENTITY-HEADER": "the header"})
    headers = {"Authorization": f"Bearer {issued.body['access_token']}"}
    reply = await talk.request("GET", f"{talk.entra.graph}/v1.0/users", headers=headers)
    assert (reply.status, reply.code) == (401, "InvalidAuthenticationToken")


async def test_expired_and_revoked_tokens(talk: Talk) -> None:
    """Graph answers 401 once a token has expired or all were revoked; a new one is believed again."""
    await talk.admin("PATCH /settings", {"token_lifetime_s": -1})
    await talk.token()
    assert (await talk.graph("GET /users")).status == 401
    await talk.admin("PATCH /settings", {"token_lifetime_s": 3599})
    await talk.token()
    assert (await talk.graph("GET /users")).status == 200
    await talk.admin("POST /tokens/revoke")
    assert (await talk.graph("GET /users")).status == 401
    await talk.token()
    assert (await talk.graph("GET /users")).status == 200


async def test_rotated_secret(talk: Talk) -> None:
    """A second secret works beside the first, and alone once the first is gone."""
    first = await talk.directory()
    added = await talk.admin("POST /directories/fabrikam/secrets", {"valid_days": 1})
    await talk.admin(f"DELETE /directories/fabrikam/secrets/{first['client_secret_id']}")
    ids = first["azure_tenant_id"], first["application_id"]
    assert (await talk.ask_token(ids[0], client_id=ids[1], client_secret=first["client_secret"])).status == 401
    assert (await talk.ask_token(ids[0], client_id=ids[1], client_secret=added["client_secret"])).status == 200


def key_and_certificate() -> tuple[rsa.RSAPrivateKey, str]:
    """A certificate as an application would register it."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return key, builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


async def test_certificate(talk: Talk) -> None:
    """An assertion signed by a registered certificate is accepted; another key's or an old one is not."""
    known = await talk.directory()
    key, pem = key_and_certificate()
    client = known["application_id"]
    audience = f"{talk.entra.login}/{known['azure_tenant_id']}/oauth2/v2.0/token"
    claims = {"iss": client, "sub": client, "aud": audience, "nbf": time.time(), "exp": time.time() + 600}

    async def code(claims: Json) -> list[int]:
        assertion = jwt.encode(claims, key, algorithm="RS256")
        form = {"client_id": client, "client_assertion": assertion, "client_assertion_type": ASSERTION}
        codes: list[int] = (await talk.ask_token(known["azure_tenant_id"], **form)).body.get("error_codes", [])
        return codes

    assert await code(claims) == [700027]
    await talk.admin("POST /directories/fabrikam/credentials", {"certificate_pem": pem})
    assert await code(claims) == []
    assert await code(claims | {"nbf": 1, "exp": 2}) == [700024]
    assert await code(claims | {"aud": "https://elsewhere.example"}) == [700027]


async def test_federation(talk: Talk) -> None:
    """An assertion of a registered issuer, subject and audience is accepted; each mismatch has its number."""
    known = await talk.directory()
    registered = {"issuer": "https://issuer.example", "subject": "me", "audience": "api://AzureADTokenExchange"}
    await talk.admin("POST /directories/fabrikam/credentials", registered)
    claims = {"iss": registered["issuer"], "sub": "me", "aud": registered["audience"], "exp": time.time() + 600}

    async def code(**changes: str) -> list[int]:
        assertion = jwt.encode(claims | changes, "k" * 32, algorithm="HS256")
        form = {"client_id": known["application_id"], "client_assertion": assertion}
        codes: list[int] = (await talk.ask_token(known["azure_tenant_id"], **form)).body.get("error_codes", [])
        return codes

    assert await code() == []
    assert await code(sub="somebody else") == [700213]
    assert await code(iss="https://another.example") == [70021]


async def test_an_identity_is_trusted_only_in_its_own_tenant(talk: Talk) -> None:
    """Registering the managed identity of another tenant succeeds; using it is refused, as by Entra."""
    assertion, trusted = await _identity(talk)

    async def code(name: str, client: str) -> list[int]:
        tenant = (await talk.directory(name))["azure_tenant_id"]
        form = {"client_id": client, "client_assertion": assertion}
        codes: list[int] = (await talk.ask_token(tenant, **form)).body.get("error_codes", [])
        return codes

    customer = await talk.directory("fabrikam")
    await talk.admin("POST /directories/fabrikam/credentials", trusted)
    assert await code("fabrikam", customer["application_id"]) == [700236]
    await talk.admin("PATCH /settings", {"operator": "fabrikam"})
    assertion, trusted = await _identity(talk)
    await talk.admin("POST /directories/fabrikam/credentials", trusted)
    assert await code("fabrikam", customer["application_id"]) == []


async def test_the_operators_application_works_where_an_admin_has_consented(talk: Talk) -> None:
    """A multi-tenant application gets tokens for each tenant whose admin has consented, without a secret."""
    await talk.admin("PATCH /settings", {"operator": "contoso"})
    assertion, trusted = await _identity(talk)
    await talk.admin("POST /directories/contoso/credentials", trusted)
    application = (await talk.directory("contoso"))["application_id"]
    customer = (await talk.directory("fabrikam"))["azure_tenant_id"]
    form = {"client_id": application, "client_assertion": assertion}
    assert (await talk.ask_token(customer, **form)).body["error_codes"] == [700016]
    await talk.admin("PATCH /directories/contoso/application", {"multi_tenant": True})
    assert (await talk.ask_token(customer, **form)).body["error_codes"] == [7000229]
    await talk.request("POST", f"{talk.entra.login}/{customer}/adminconsent?client_id={application}")
    token = (await talk.ask_token(customer, **form)).body["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["tid"], claims["appid"]) == (customer, application)
    assert "User.Read.All" in claims["roles"]


async def _identity(talk: Talk) -> tuple[str, Json]:
    """Return a token of the managed identity, and the federated credential that trusts it."""
    query = "resource=api://AzureADTokenExchange&api-version=2019-08-01"
    answer = await talk.request(
        "GET", f"{talk.entra.admin}/identity?{query}", headers={"X-IDENTITY-HEADER": "the header"}
    )
    token = answer.body["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["iss"] == f"{talk.entra.login}/{claims['tid']}/v2.0"
    return token, {"issuer": claims["iss"], "subject": claims["sub"], "audience": claims["aud"]}


async def test_admin_consent(talk: Talk) -> None:
    """The consent page asks, grants what the application wants, and leads back."""
    await talk.admin("PATCH /directories/fabrikam/application", {"consented": False})
    known = await talk.directory()
    url = f"{talk.entra.login}/{known['azure_tenant_id']}/v2.0/adminconsent?client_id={known['application_id']}"
    assert "User.Read.All" in (await talk.request("GET", url)).body["text"]
    accepted = await talk.request("POST", f"{url}&state=7&redirect_uri=http://127.0.0.1:1/back")
    assert accepted.status == 302
    assert accepted.headers["Location"].startswith("http://127.0.0.1:1/back?admin_consent=True&tenant=")
    assert (await talk.graph("GET /users?$top=1")).status == 200
