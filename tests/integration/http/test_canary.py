"""No secret leaves Key Vault: every route and every kind of sync, then a search through whatever was written."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from shared.domain.retry_policy import LOGIN_REFUSED, NEW_CREDENTIAL
from shared.triggers.http.framework.rules import RULES
from shared.workflows.sync import fetch
from tests.integration.http.deployment import Deployment, Heard, spellings
from tests.integration.http.mistakes import entries_of
from tests.support.certificates import pair
from tests.support.entra import Broken
from tests.support.fakes import entra_of

#: What is put where a secret does not belong: text as long and as odd as one.
STRAY = "cAn8Q~stray-canary.0123456789_abcdefgh~AB"
PASSWORD = "canary-password-9f2c"
#: How every JSON web token begins: `{"typ"`, `{"alg"` or `{"kid"` in base64.
TOKENS = ("eyJ0eXAi", "eyJhbGci", "eyJraWQi")
SYNCS = ("incremental", "full")


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    """Everything that is logged."""
    with Heard() as listening:
        yield listening


async def onboard(deployment: Deployment, entries: dict[str, Any], preferences: dict[str, Any]) -> None:
    """Connect the tenant contoso, with one location."""
    await deployment("PUT", "tenants/contoso", {"name": "Contoso"})
    await deployment("PUT", "tenants/contoso/sso", {"clientId": entries["clientId"]})
    assert (await deployment("PUT", "tenants/contoso/connection", entries)).status == 200
    await deployment("PUT", "tenants/contoso/preferences", preferences)
    await deployment("PUT", "tenants/contoso/locations/desk", {"name": "Desk"})


async def sync(deployment: Deployment, mode: str = "incremental") -> dict[str, Any]:
    """Run once, and return the run."""
    asked = await deployment("POST", "tenants/contoso/runs", {"mode": mode})
    await deployment.drain()
    run: dict[str, Any] = (await deployment("GET", f"tenants/contoso/runs/{asked.body['id']}")).body
    return run


def leaks(deployment: Deployment, heard: Heard, secrets: list[str]) -> list[str]:
    """Return where something that is secret can be read: answers, messages, rows, log lines."""
    places = {
        "answers and messages": deployment.said,
        "log": heard.lines,
        **{f"table {name}": rows for name, rows in deployment.rows().items()},
    }
    assert all(places.values())
    needles = [(secret, spelling) for secret in secrets for spelling in spellings(secret)]
    needles += [(token, token) for token in TOKENS]
    return [
        f"{secret[:6]}... in {place}: {text[max(0, text.find(spelling) - 80) :][:160]}"
        for place, texts in places.items()
        for text in texts
        for secret, spelling in needles
        if spelling in text
    ]


async def call_every_route(deployment: Deployment) -> set[str]:
    """Call each route of the table once, deletions last, with a body that mostly does not fit."""
    called = set()
    for rule in sorted(RULES, key=lambda rule: (rule.startswith("DELETE"), rule.count("/"))):
        method, path = rule.split(" ")
        run = "8000000000000-00000000"
        words = {
            "tenant": "contoso",
            "location": "desk",
            "run": run,
            "recipient": "r",
            "import": run,
            "number": "1",
            "entry": "e",
            "key": "k",
            "erasure": run,
        }
        filled = path.format(**words)
        await deployment(method, filled, None if method in {"GET", "DELETE"} else {})
        called.add(rule)
    return called


async def test_a_client_secret_stays_in_the_vault(
    deployment: Deployment, heard: Heard, simulator: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entered, replaced, refused, echoed, expired, used by both modes and by every route.

    The second refusal, which confirms the first, comes without a wait.
    """
    monkeypatch.setattr(fetch, "LOGIN_REFUSED", msgspec.structs.replace(LOGIN_REFUSED, first_wait_s=0.0))
    entries = await entries_of(simulator)
    added = (await simulator.call("POST", "/directories/contoso/secrets"))["client_secret"]
    group = (await simulator.groups("contoso"))[0]
    await onboard(deployment, entries, {"mode": "full"})
    assert [(await sync(deployment, mode))["state"] for mode in SYNCS] == ["done", "done"]
    assert (await deployment("PUT", "tenants/contoso/connection", entries | {"clientSecret": added})).status == 200
    await deployment("PUT", "tenants/contoso/preferences", {"mode": "groups"})
    await deployment("PUT", "tenants/contoso/locations/desk/groups", {"groups": [group]})
    assert (await sync(deployment))["state"] in {"done", "held"}
    assert (await deployment("PUT", "tenants/contoso/connection", entries | {"clientSecret": STRAY})).status == 422
    assert (await deployment("POST", "tenants/contoso/connection/validate")).body["ok"]
    await simulator.fault("Members", {"type": "html"}, count=1)
    assert (await sync(deployment))["state"] in {"done", "held", "failed"}
    echo = {"error": "invalid_client", "error_description": f"AADSTS7000215: not {added}", "error_codes": [7000215]}
    echoing = {"type": "respond", "status": 401, "body": echo}
    await simulator.fault("", echoing, where="login", count=NEW_CREDENTIAL.attempts)
    assert not (await deployment("POST", "validate", entries | {"clientSecret": added})).body["ok"]
    await simulator.call("POST", "/directories/contoso/secrets/all/expire")
    await simulator.call("POST", "/tokens/revoke")
    await entra_of(deployment.product.ports).close()  # as if the process had been restarted
    assert (await sync(deployment))["problems"][0]["code"] == "AADSTS7000222"
    assert (await deployment("GET", "tenants/contoso/connection")).body["state"] == "needs_attention"
    await deployment.product.schedule(datetime.now(UTC))
    assert await call_every_route(deployment) == set(RULES)
    assert leaks(deployment, heard, [entries["clientSecret"], added, STRAY]) == []


async def test_a_named_key_is_shown_once(deployment: Deployment, heard: Heard, simulator: Broken) -> None:
    """Created, used, listed, refused and revoked: its value is in the answer to its creation, and nowhere else."""
    entries = await entries_of(simulator)
    await onboard(deployment, entries, {"mode": "full"})
    assert (await sync(deployment))["state"] == "done"
    body = {"name": "program", "scopes": ["read"], "tenants": ["contoso"]}
    key = (await deployment("POST", "keys", body)).body["value"]
    deployment.said.pop()
    headers = {"X-Api-Key": key}
    assert (await deployment("GET", "signed-in/tenants/contoso", headers=headers)).status == 200
    assert (await deployment("DELETE", "signed-in/tenants/contoso", headers=headers)).status == 403
    assert (await deployment("GET", f"signed-in/{key}", headers=headers)).status == 404
    assert (await deployment("POST", "keys", body | {"name": key})).status == 400
    assert (await deployment("GET", "keys")).body["keys"][0]["state"] == "active"
    assert (await deployment("DELETE", "keys/program")).status == 204
    assert (await deployment("GET", "signed-in/me", headers=headers)).status == 401
    places = {"said": deployment.said, "log": heard.lines, **deployment.rows()}
    needles = list(spellings(key.split("_", 2)[2]))
    assert [
        place for place, texts in places.items() for text in texts if any(needle in text for needle in needles)
    ] == []


async def test_a_certificate_stays_in_the_vault(deployment: Deployment, heard: Heard, simulator: Broken) -> None:
    """Neither its key nor its password is anywhere else, whether it is taken or refused."""
    made = pair()
    await simulator.call("POST", "/directories/contoso/credentials", {"certificate_pem": made.public})
    entries = await entries_of(simulator)
    entries |= {"clientSecret": "", "clientCertificate": made.pem(PASSWORD), "clientCertificatePassword": PASSWORD}
    await onboard(deployment, entries, {"mode": "full"})
    assert (await sync(deployment))["state"] == "done"
    wrong = await deployment("POST", "validate", entries | {"clientCertificatePassword": STRAY})
    assert not wrong.body["ok"]
    key = [line for text in (made.private(), made.private(PASSWORD)) for line in text.splitlines()[2:12]]
    assert leaks(deployment, heard, [*key, PASSWORD, STRAY]) == []


@pytest.mark.parametrize("path", ["validate", "tenants/contoso/connection"])
async def test_a_secret_in_the_wrong_field_is_not_repeated(
    deployment: Deployment, heard: Heard, simulator: Broken, path: str
) -> None:
    """Pasted anywhere: no answer quotes it, nothing is stored or logged of it."""
    entries = await entries_of(simulator)
    await onboard(deployment, entries, {"mode": "full"})
    fields = {*entries, "clientCertificate", "clientCertificatePassword", "loginEndpoint", "graphEndpoint"}
    for field in sorted({*fields, "cloud", "secretExpiresOn", "ssoUsers", "federated", "groups"}):
        for value in (STRAY, [STRAY], {STRAY: STRAY}, f"https://{STRAY}/"):
            answer = await deployment("POST" if path == "validate" else "PUT", path, {**entries, field: value})
            assert answer.status in {200, 400, 422}
    await deployment("POST", path, {**entries, STRAY: STRAY}) if path == "validate" else None
    assert leaks(deployment, heard, [entries["clientSecret"], STRAY]) == []
