"""How commands end when they cannot do what was asked, and what they never say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from shared.cli.exits import Exit
from shared.cli.output import Output
from tests.integration.cli.conftest import ADDRESS, KEY, InMemory, Run

ROOT = Path(__file__).parents[3]


def test_an_unknown_tenant_is_refused(run: Run) -> None:
    """1, with the sentence of the API and its code; as JSON the problem itself, on stderr alone."""
    ended = run("runs", "nobody")
    assert (ended.code, ended.out.strip()) == (Exit.REFUSED, "")
    assert "tenant_not_found" in ended.err
    as_json = run("runs", "nobody", "--json")
    assert (as_json.code, as_json.out, json.loads(as_json.err)["status"]) == (Exit.REFUSED, "", 404)


@pytest.mark.parametrize(
    "words", [("runs",), ("runs", "contoso", "--limit", "0"), ("no-such-command",), ("import", "a")]
)
def test_a_line_that_makes_no_sense(run: Run, words: tuple[str, ...]) -> None:
    """2, and nothing is sent."""
    assert run(*words).code == Exit.USAGE


@pytest.mark.parametrize("name", ["RECIPIENT_SYNC_API", "RECIPIENT_SYNC_KEY"])
def test_what_is_missing_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """2, with the variable to set."""
    monkeypatch.delenv(name)
    ended = run("tenants")
    assert (ended.code, name in ended.err) == (Exit.USAGE, True)


def test_a_key_goes_over_tls_only(run: Run, network: InMemory) -> None:
    """Anything but https is refused before anything is sent, except on this machine."""
    ended = run("--api", "http://sync.example/api", "tenants")
    assert (ended.code, network.requests) == (Exit.USAGE, [])
    assert run("--api", "http://127.0.0.1:7071/api", "tenants").code == Exit.DONE


def test_a_person_goes_through_their_own_door(run: Run, network: InMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token instead of a key; who may not is refused."""
    monkeypatch.delenv("RECIPIENT_SYNC_KEY")
    monkeypatch.setenv("RECIPIENT_SYNC_TOKEN", "token-canary")
    ended = run("tenants")
    assert (ended.code, "token-canary" in ended.err) == (Exit.REFUSED, False)
    (request,) = network.requests
    assert request.url.path.startswith("/api/signed-in/")
    assert request.headers["authorization"] == "Bearer token-canary"
    assert "x-functions-key" not in request.headers


def test_an_api_that_does_not_answer(run: Run, network: InMemory) -> None:
    """4, without a traceback, the key or the request."""
    network.broken = httpx.ConnectError(f"cannot send {KEY}")
    ended = run("tenants", "--json")
    assert (ended.code, ended.error) == (Exit.UNREACHABLE, None)
    assert json.loads(ended.err)["code"] == "unreachable"
    assert KEY not in ended.err + ended.out


def test_as_a_process_it_says_no_more() -> None:
    """The same exit code, nothing of the environment in what it writes, and no traceback."""
    environment = {**os.environ, "RECIPIENT_SYNC_KEY": KEY, "RECIPIENT_SYNC_API": "http://127.0.0.1:9/api"}
    ended = subprocess.run(
        [sys.executable, "-m", "shared.cli", "doctor"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == Exit.UNREACHABLE
    assert "did not respond" in ended.stderr
    assert KEY not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_option_takes_a_secret(run: Run) -> None:
    """The help of every command offers none."""
    for command in ("connect", "tenants", "sync"):
        text = run(command, "--help").out
        assert command in text
        for name in ("--key", "--token", "--secret ", "--client-secret", "--password"):
            assert name not in text
    assert ADDRESS not in run("--help").out


def test_ids_that_work_in_another_order_are_printed_as_options(capsys: pytest.CaptureFixture[str]) -> None:
    """The report of refused credentials can be turned into the next command by copying a line."""
    order = {"tenantId": "t", "clientId": "c", "objectId": "o"}
    check = {"status": "fail", "title": "IDs are swapped", "detail": "They are swapped.", "suggestion": order}
    Output(as_json=False).fail("", {"code": "connection_refused", "report": {"checks": [check]}})
    printed = capsys.readouterr().err.splitlines()
    assert printed[-2:] == [
        "     --tenant-id t --client-id c --object-id o",
        "The credentials were not stored. (connection_refused)",
    ]
