"""Errors as problem+json: the right status, a stable code, a sentence, and nothing of what is inside."""

import logging
from typing import Any

import msgspec
import pytest

from shared.bootstrap import App, Ports
from shared.domain.ids import TenantId
from shared.domain.retry_policy import ROW_UPDATE
from shared.errors import (
    Conflict,
    Contended,
    ETagConflict,
    Misconfigured,
    NeedsAttention,
    NotFound,
    Rejected,
    SyncError,
    Transient,
)
from shared.runtime import optimistic_update
from shared.triggers.http import health, tenants
from shared.workflows.tenants.tenants import Tenants
from tests.support.http.calling import Client, Route


def _raising(error: Exception) -> Any:  # noqa: ANN401 - stands for the app
    class _Broken:
        @property
        def tenants(self) -> Tenants:
            raise error

    return _Broken


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Rejected("Not so.", code="too_many_locations"), 422),
        (Rejected("Not so.", code="invalid_name"), 400),
        (NotFound("Not there.", code="tenant_not_found"), 404),
        (Conflict("Changed.", code="conflict"), 409),
        (NeedsAttention("No consent.", code="Authorization_RequestDenied"), 422),
        (Transient("Busy.", code="storage_busy"), 503),
        (Contended("Busy.", retry_after_s=5), 409),
        (Misconfigured("KEY_VAULT_URL is missing.", code="settings"), 503),
    ],
)
async def test_each_error_has_its_status(
    api: Client, monkeypatch: pytest.MonkeyPatch, error: SyncError, status: int
) -> None:
    """And every problem has the members of RFC 9457 and its code."""
    monkeypatch.setattr(tenants, "app", _raising(error))
    api.promised = False
    answer = await api("GET", "tenants/contoso")
    assert (answer.status, answer.mimetype) == (status, "application/problem+json")
    assert {name: answer.body[name] for name in ("type", "status", "code", "detail")} == {
        "type": "about:blank",
        "status": status,
        "code": error.code,
        "detail": str(error),
    }
    assert answer.body["title"]
    assert ("Retry-After" in answer.headers) == (status == 503 or isinstance(error, Contended))


@pytest.mark.parametrize(("asked_s", "told"), [(None, "5"), (0.2, "1"), (30.5, "31")])
async def test_a_wait_is_told_in_whole_seconds(
    api: Client, monkeypatch: pytest.MonkeyPatch, asked_s: float | None, told: str
) -> None:
    """Rounded up, and never zero."""
    monkeypatch.setattr(tenants, "app", _raising(Transient("Busy.", retry_after_s=asked_s)))
    assert (await api("GET", "tenants/contoso")).headers["Retry-After"] == told


async def test_an_unexpected_error_leaves_only_an_id(
    api: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the traceback under the same id; the answer has nothing else."""
    monkeypatch.setattr(tenants, "app", _raising(RuntimeError("internal detail")))
    with caplog.at_level(logging.ERROR):
        answer = await api("GET", "tenants/contoso")
    assert (answer.status, answer.body["code"]) == (500, "internal")
    assert "internal detail" not in str(answer.body)
    assert answer.body["correlationId"] in caplog.text
    assert "RuntimeError" in caplog.text


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"{", "malformed_json", "JSON"),
        (b"\xff\xfe{}", "malformed_json", "JSON"),
        (b"[]", "invalid_body", "object"),
        (b"{}", "invalid_body", "name"),
        (b'{"name": 1}', "invalid_body", "$.name"),
        (b'{"name": "x", "nmae": "y"}', "invalid_body", "nmae"),
        (b'{"name": "' + b"x" * 256 * 1024 + b'"}', "body_too_large", "262144"),
    ],
)
async def test_a_wrong_body_is_named_with_its_remedy(api: Client, content: bytes, code: str, words: str) -> None:
    """400, with the field and what to do."""
    answer = await api("PUT", "tenants/contoso", raw=content)
    assert (answer.status, answer.body["code"]) == (400, code)
    assert words in answer.body["detail"]
    assert answer.body["fix"]


async def test_a_secret_of_the_wrong_type_is_not_repeated(api: Client, credentials: dict[str, Any]) -> None:
    """The field is named, its content is not."""
    answer = await api("POST", "validate", {**credentials, "clientSecret": ["canary-secret"]})
    assert "$.clientSecret" in answer.body["detail"]
    assert "canary-secret" not in str(answer.body)
    answer = await api("POST", "validate", {**credentials, "cloud": "canary-secret"})
    assert "$.cloud" in answer.body["detail"]
    assert "canary-secret" not in str(answer.body)


async def test_health_needs_no_key_and_names_bad_settings(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is open to everybody."""
    assert (await api("GET", "health")).body == {"status": "ok"}

    def unsettled() -> App:
        raise Misconfigured("Settings of the app are missing or wrong: KEY_VAULT_URL is missing.", code="settings")

    monkeypatch.setattr(health, "app", unsettled)
    answer = await api("GET", "health")
    assert (answer.status, answer.body["code"]) == (503, "settings")
    assert "KEY_VAULT_URL" in answer.body["detail"]


async def test_no_route_takes_an_id_for_granted(api: Client, routes: list[Route], product: App) -> None:
    """Every route with a tenant refuses an id that is none, whatever else the request says."""
    for route in routes:
        if "{tenant}" in route.path:
            words = {
                "tenant": "No_Such",
                "location": "desk",
                "run": "x",
                "recipient": "r",
                "import": "x",
                "number": "1",
                "erasure": "x",
            }
            path = "/".join(route.path).format(**words)
            answer = await api(route.methods[0], path, {})
            assert (answer.status, route.name) == (400, route.name)
    assert [tenant async for tenant in product.ports.tenants.list_tenants()] == []
    with pytest.raises(NotFound):
        await product.tenants.get(TenantId("no_such"))


@pytest.mark.parametrize("ends", ["2026-12-01T00:00:00", "tomorrow", "2026-13-01T00:00:00Z"])
async def test_a_date_without_a_zone_is_no_date(api: Client, credentials: dict[str, Any], ends: str) -> None:
    """400 that names the field, rather than a comparison that fails later."""
    answer = await api("POST", "validate", {**credentials, "secretExpiresOn": ends})
    assert (answer.status, answer.body["code"]) == (400, "invalid_body")
    assert "$.secretExpiresOn" in answer.body["detail"]


@pytest.mark.parametrize(
    "preferences",
    [
        {"guard": {"maxPeople": 10**25}},
        {"guard": {"maxShare": 7}},
        {"filters": [{"attribute": "department", "values": [""]}]},
    ],
)
@pytest.mark.usefixtures("connected")
async def test_preferences_without_sense_are_neither_kept_nor_previewed(
    api: Client, preferences: dict[str, Any]
) -> None:
    """400 with the same code at both places."""
    kept = await api("PUT", "tenants/contoso/preferences", preferences)
    seen = await api("POST", "tenants/contoso/runs", {"preview": True, "preferences": preferences})
    assert {(kept.status, kept.body["code"]), (seen.status, seen.body["code"])} == {(400, "invalid_preferences")}


async def test_a_row_that_others_keep_changing_is_a_conflict_with_a_wait(
    api: Client, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller can send the same request again; later it succeeds."""

    async def conflict(*_: object, **__: object) -> str:
        raise ETagConflict("the location changed")

    assert (await api("PUT", "tenants/contoso", {"name": "Contoso"})).status in {200, 201}
    with monkeypatch.context() as patched:
        patched.setattr(optimistic_update, "ROW_UPDATE", msgspec.structs.replace(ROW_UPDATE, attempts=2))
        patched.setattr(ports.settings, "put_location", conflict)
        answer = await api("PUT", "tenants/contoso/locations/desk", {"name": "Desk"})
    assert (answer.status, answer.body["code"], answer.headers["Retry-After"]) == (409, "contended", "5")
    assert answer.body["fix"]
    assert (await api("PUT", "tenants/contoso/locations/desk", {"name": "Desk"})).status in {200, 201}
