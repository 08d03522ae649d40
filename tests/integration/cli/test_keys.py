"""The command line makes named keys, and calls the API with one."""

import re

import httpx
import pytest

from tests.integration.cli.conftest import InMemory, Run


@pytest.mark.usefixtures("connected")
def test_a_named_key_calls_the_user_api(run: Run, network: InMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its own header, without cookies that a proxy sets; it may do what its scope says."""
    key = run("keys", "create", "reader", "--scope", "read", "--tenant", "contoso", "--json").json["value"]
    monkeypatch.setenv("RECIPIENT_SYNC_KEY", key)
    answer = network.handle_request

    def with_cookie(request: httpx.Request) -> httpx.Response:
        response = answer(request)
        response.headers["Set-Cookie"] = "ARRAffinity=x; Path=/"
        return response

    monkeypatch.setattr(network, "handle_request", with_cookie)
    network.requests.clear()
    assert run("export", "contoso", "desk").code == 0
    assert run("runs", "contoso").code == 0
    assert run("sync", "contoso").code == 1
    for request in network.requests:
        assert request.url.path.startswith("/api/signed-in/")
        assert (request.headers["x-api-key"], request.headers.get("x-functions-key")) == (key, None)
        assert "cookie" not in request.headers


def test_a_key_is_listed_without_its_value_until_it_is_revoked(run: Run) -> None:
    """Its state is shown; --json prints what the API answers."""
    value = run("keys", "create", "everything", "--scope", "all", "--all-tenants", "--json").json["value"]
    shown = run("keys", "list").out
    assert "everything" in shown
    assert value not in shown
    assert run("keys", "revoke", "everything", typed="n\n").code == 1
    assert run("keys", "list", "--json").json["keys"][0]["state"] == "active"
    assert run("keys", "revoke", "everything", "--yes").code == 0
    assert run("keys", "list", "--json").json["keys"][0]["state"] == "revoked"


def test_a_key_is_printed_completely_in_a_narrow_terminal(run: Run) -> None:
    """It is shown only once, so that a key that is cut would be lost."""
    created = run("keys", "create", "a-rather-long-name-of-a-key", "--scope", "read", "--all-tenants")
    (value,) = re.findall(r"rsk_\S+", created.out)
    assert re.fullmatch(r"rsk_a-rather-long-name-of-a-key_[\w-]{43}", value)


@pytest.mark.parametrize("words", [[], ["--tenant", "contoso", "--all-tenants"]])
def test_tenants_have_to_be_chosen(run: Run, words: list[str]) -> None:
    """A key for all tenants is not made by leaving something out."""
    ended = run("keys", "create", "k", "--scope", "read", *words)
    assert (ended.code, ended.out) == (2, "")
