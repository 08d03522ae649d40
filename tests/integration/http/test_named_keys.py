"""Named keys open what their scopes and tenants say, until they end, and are named wherever they acted."""

from datetime import timedelta
from typing import Any

import pytest

from shared.bootstrap import App, Ports
from shared.domain.access.callers import Access, KeyScope
from shared.domain.ids import KeyName
from shared.triggers.http.framework.rules import RULES, scopes_of
from tests.integration.http.test_access import allows, api, ask, product
from tests.support.fakes import FakeClock
from tests.support.http.calling import Client, Reply

__all__ = ["api", "product"]
#: Ids that fill the paths of all rules.
KNOWN = {"location": "desk", "run": "x", "recipient": "r", "number": "1", "import": "x", "entry": "e", "key": "k"}
KNOWN["erasure"] = "x"


async def created(
    api: Client, *scopes: str, name: str = "program", tenants: tuple[str, ...] | None = ("contoso",), days: int = 90
) -> str:
    """Create a key as the operator, and return its value."""
    body = {"name": name, "scopes": scopes, "tenants": tenants, "expiresInDays": days}
    new = await ask(api, "operator", "POST keys", body=body)
    assert new.status == 201, new.body
    return str(new.body["value"])


async def send(api: Client, key: str, rule: str, tenant: str = "contoso", **headers: str) -> Reply:
    """Send a request with a key."""
    method, path = rule.split(" ")
    return await api(
        method, f"signed-in/{path.format(tenant=tenant, **KNOWN)}", {}, headers={"X-Api-Key": key, **headers}
    )


@pytest.mark.parametrize("rule", sorted(RULES))
async def test_a_key_opens_what_its_scopes_and_tenants_say(api: Client, rule: str) -> None:
    """Every route, for every scope: its own tenant, another one, and what belongs to no tenant."""
    access, of_tenant = RULES[rule], "{tenant}" in rule
    for number, scope in enumerate(KeyScope):
        everywhere = await created(api, scope, name=f"all-{number}", tenants=None)
        here = await created(api, scope, name=f"one-{number}")
        opens = access is Access.PUBLIC or scope in scopes_of(rule)
        assert allows(await send(api, everywhere, rule)) == opens
        assert allows(await send(api, here, rule)) == (opens and access is not Access.OPERATOR)
        if of_tenant:
            assert not allows(await send(api, here, rule, tenant="fabrikam"))
            assert not allows(await send(api, here, rule, tenant="no-such-tenant"))


def test_scopes_are_narrow() -> None:
    """Those that only sync or import change nothing else, and no key makes keys or decides about deactivations."""
    by_scope = {scope: {rule for rule in RULES if scope in scopes_of(rule)} for scope in KeyScope}
    assert by_scope[KeyScope.ALL] == {rule for rule in RULES if "keys" not in rule}
    assert by_scope[KeyScope.READ] == {rule for rule in by_scope[KeyScope.ALL] if rule.startswith("GET ")}
    changes = by_scope[KeyScope.ALL] - by_scope[KeyScope.READ]
    assert by_scope[KeyScope.SYNC] & changes == {"POST tenants/{tenant}/runs"}
    assert all("/imports" in rule or rule.endswith("/recipients") for rule in by_scope[KeyScope.IMPORT] & changes)
    assert by_scope[KeyScope.SYNC] <= set(RULES)
    assert len(by_scope[KeyScope.IMPORT]) == 7


@pytest.mark.parametrize("header", ["X-Api-Key", "Authorization"])
async def test_a_key_is_sent_in_either_header(api: Client, header: str) -> None:
    """As a bearer token as well, for clients that can send nothing else."""
    key = await created(api, "read")
    text = key if header == "X-Api-Key" else f"Bearer {key}"
    me = await api("GET", "signed-in/me", headers={header: text})
    contoso = {"id": "contoso", "name": "contoso"}
    assert me.body == {"name": "key:program", "operator": False, "tenants": [contoso]}


async def test_a_key_for_all_tenants_says_so(api: Client) -> None:
    """The portal then shows the list of tenants."""
    key = await created(api, "all", tenants=None)
    assert (await send(api, key, "GET me")).body == {"name": "key:program", "operator": True, "tenants": []}


@pytest.mark.parametrize(
    "other",
    [{"Cookie": "AppServiceAuthSession=x"}, {"Authorization": "Bearer operator"}, {"X-MS-CLIENT-PRINCIPAL": "e30="}],
)
async def test_a_key_with_another_credential_is_refused(api: Client, other: dict[str, str]) -> None:
    """It would not be clear who acts."""
    key = await created(api, "all")
    mixed = await send(api, key, "GET tenants/{tenant}", **other)
    assert (mixed.status, mixed.body["code"]) == (400, "mixed_credentials")
    if "Authorization" not in other:
        headers = {"Authorization": f"Bearer {key}", **other}
        assert (await api("GET", "signed-in/tenants/contoso", headers=headers)).status == 400
    assert (await send(api, key, "GET tenants/{tenant}")).status == 200


@pytest.mark.parametrize(
    "text",
    ["rsk_program_" + "A" * 43, "rsk_other_" + "A" * 43, "rsk_program_", "rsk__" + "A" * 43, "rsk_", "wrong", "\udcff",
     "rsk_../secret_" + "A" * 43, "rsk_program_" + "A" * 60_000, "rsk_-_" + "A" * 43],
)  # fmt: skip
async def test_anything_else_is_refused_in_one_way(api: Client, text: str) -> None:
    """Unknown, malformed or wrong: the answer does not tell which names exist."""
    await created(api, "all")
    refused = await send(api, text, "GET tenants/{tenant}")
    assert (refused.status, refused.body["code"]) == (401, "key_refused")
    assert refused.body["detail"] == "This key is not valid: it is unknown, expired or revoked."


async def test_keys_are_listed_in_pages(api: Client) -> None:
    """By name, each once."""
    for number in range(5):
        await created(api, "read", name=f"program-{number}")
    first = (await api("GET", "keys?limit=3")).body
    rest = (await api("GET", f"keys?limit=3&cursor={first['cursor']}")).body
    assert [key["name"] for key in (*first["keys"], *rest["keys"])] == [f"program-{number}" for number in range(5)]
    assert (len(first["keys"]), rest["cursor"]) == (3, None)


async def test_a_key_ends_by_itself_or_is_revoked(api: Client, ports: Ports) -> None:
    """From the next request on. It stays in the list, and its name is never used again."""
    assert isinstance(ports.clock, FakeClock)
    short, long = await created(api, "read", name="short", days=1), await created(api, "read", name="long")
    ports.clock.advance(timedelta(days=1).total_seconds() - 1)
    assert (await send(api, short, "GET tenants/{tenant}")).status == 200
    ports.clock.advance(1)
    assert (await send(api, short, "GET tenants/{tenant}")).body["code"] == "key_refused"
    assert (await send(api, long, "GET tenants/{tenant}")).status == 200
    for _ in range(2):
        assert (await api("DELETE", "keys/long")).status == 204
    assert (await send(api, long, "GET tenants/{tenant}")).body["code"] == "key_refused"
    listed = {key["name"]: key for key in (await api("GET", "keys")).body["keys"]}
    assert {name: key["state"] for name, key in listed.items()} == {"long": "revoked", "short": "expired"}
    assert (listed["long"]["revokedBy"], listed["long"]["createdBy"].split(":")[0]) == ("api", "person")
    again = await api("POST", "keys", {"name": "long", "scopes": ["read"], "tenants": None})
    assert (again.status, again.body["code"]) == (409, "key_exists")
    assert (await api("DELETE", "keys/missing")).body["code"] == "key_not_found"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "Program"}, "invalid_key_name"),
        ({"name": "rsk_program_" + "A" * 43}, "invalid_key_name"),
        ({"scopes": []}, "invalid_body"),
        ({"scopes": ["write"]}, "invalid_body"),
        ({"tenants": []}, "invalid_body"),
        ({"tenants": ["no-such-tenant"]}, "tenant_not_found"),
        ({"tenants": ["!keys"]}, "invalid_tenant_id"),
        ({"expiresInDays": 0}, "invalid_body"),
        ({"expiresInDays": 367}, "invalid_body"),
    ],
)
async def test_what_makes_no_sense_is_refused(api: Client, changes: dict[str, Any], code: str) -> None:
    """Nothing is created, and a key in the wrong field is not repeated."""
    body = {"name": "program", "scopes": ["read"], "tenants": ["contoso"], **changes}
    refused = await api("POST", "keys", body)
    assert refused.body["code"] == code
    assert "rsk_" not in str(refused.body)
    assert (await api("GET", "keys")).body == {"keys": [], "cursor": None}
    body.pop("tenants")
    assert (await api("POST", "keys", body)).status == 400


async def test_the_value_is_shown_once_and_stored_nowhere(api: Client, ports: Ports) -> None:
    """What is stored is a hash; two keys never have the same value."""
    first, second = await created(api, "read", name="first"), await created(api, "read", name="second")
    secrets = {key.split("_", 2)[2] for key in (first, second)}
    assert len(secrets) == 2
    stored = [await ports.keys.find(KeyName(name)) for name in ("first", "second")]
    shown = (await api("GET", "keys")).body
    for secret in secrets:
        assert len(secret) == 43
        assert secret not in repr(stored)
        assert secret not in str(shown)


async def test_a_key_is_named_in_the_history(api: Client, product: App, credentials: dict[str, Any]) -> None:
    """By its name, also on the run and the change that it made."""
    del product
    await api("PUT", "tenants/contoso/sso", {"clientId": "00000000-0000-0000-0000-000000000050"})
    assert (await api("PUT", "tenants/contoso/connection", credentials)).status == 200
    key = await created(api, "sync", name="nightly")
    run = await send(api, key, "POST tenants/{tenant}/runs")
    assert (run.status, run.body["requestedBy"]) == (202, "key:nightly")
    followed = await api("GET", f"signed-in/tenants/contoso/runs/{run.body['id']}", headers={"X-Api-Key": key})
    assert followed.status == 200
    assert (await send(api, key, "DELETE tenants/{tenant}")).status == 403


async def test_a_key_is_named_in_the_audit_log(api: Client) -> None:
    """What it did, what it was refused, and who made and revoked it."""
    key = await created(api, "read", name="reader")
    assert (await send(api, key, "PUT tenants/{tenant}/preferences")).status == 403
    everything = await created(api, "all", name="writer")
    assert (await send(api, everything, "PUT tenants/{tenant}/preferences")).status == 200
    assert (await api("DELETE", "keys/reader")).status == 204
    own = (await api("GET", "tenants/contoso/audit")).body["entries"][0]
    assert (own["actor"], own["entryPoint"], own["action"]) == ("key:writer", "signed_in", "preferences_saved")
    entries = (await api("GET", "audit?limit=100")).body["entries"]
    done = [(entry["actor"].split(":")[0], entry["action"], entry["subject"].get("key")) for entry in entries]
    assert ("api", "key_revoked", "reader") in done
    assert [actor for actor, action, _ in done if action == "key_created"] == ["person"] * 2
    (refused,) = [entry for entry in entries if entry["actor"] == "key:reader"]
    assert (refused["entryPoint"], refused["status"], refused["code"]) == ("signed_in", 403, "forbidden")


async def test_a_deleted_tenant_is_taken_out_of_its_keys(api: Client) -> None:
    """Another customer with the same id does not inherit the program."""
    key = await created(api, "all", tenants=("contoso", "fabrikam"))
    assert (await api("DELETE", "tenants/contoso")).status == 204
    await api("PUT", "tenants/contoso", {"name": "Another"})
    assert (await send(api, key, "GET tenants/{tenant}")).status == 403
    assert (await send(api, key, "GET tenants/{tenant}", tenant="fabrikam")).status == 200


async def test_a_key_creates_no_keys(api: Client) -> None:
    """Neither does one for everything: a stolen key would outlive its end."""
    key = await created(api, "all", tenants=None)
    for rule in ("GET keys", "POST keys", "DELETE keys/{key}"):
        assert (await send(api, key, rule)).status == 403
    assert (await ask(api, "contoso", "POST keys")).status == 403
