"""Each command: what it does, how it ends, and what its JSON looks like."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from shared.adapters.entra import validation
from shared.bootstrap import Ports
from shared.cli import uploads
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.retry_policy import NEW_CREDENTIAL
from shared.errors import Misconfigured
from shared.workflows.imports import import_in_request
from tests.integration.cli.conftest import KEY, InMemory, Run, ids
from tests.support.builders import person
from tests.support.fakes import FakeDirectory

GUARDED = {"mode": "full", "guard": {"maxPeople": 0, "maxShare": 0}}


def _put(network: InMemory, path: str, body: object) -> None:
    content = json.dumps(body).encode()
    network.handle_request(httpx.Request("PUT", f"https://sync.example/api/{path}", content=content))


@pytest.mark.parametrize("how", ["environment", "stdin", "prompt"])
def test_connect_takes_the_secret_from_anywhere_but_the_arguments(
    run: Run, contoso: dict[str, Any], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Environment, standard input or prompt; it is in no output."""
    secret = contoso["clientSecret"]
    if how == "environment":
        monkeypatch.setenv("RECIPIENT_SYNC_SECRET", secret)
    words = ["--secret-stdin"] if how == "stdin" else []
    ended = run("connect", "contoso", *ids(contoso), *words, typed="" if how == "environment" else f"{secret}\n")
    assert ended.code == 0, ended
    assert "connection of contoso is on" in ended.out
    assert secret not in ended.out + ended.err


def test_a_wrong_secret_is_refused_and_not_repeated(
    run: Run, contoso: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """1, with what to do; neither the secret nor the key is in what is written."""
    monkeypatch.setenv("RECIPIENT_SYNC_SECRET", "canary-secret-value-that-is-wrong")
    for words in ([], ["--json"]):
        ended = run("connect", "contoso", *ids(contoso), *words)
        assert (ended.code, ended.error, ended.out.strip()) == (1, None, "")
        assert "canary-secret" not in ended.err
        assert KEY not in ended.err
        assert words or "FAIL The client secret is wrong" in ended.err
    assert json.loads(ended.err)["code"] == "connection_refused"


@pytest.mark.parametrize(("known_after_s", "waits", "code"), [(80, [30, 60], 0), (9_999, [30, 60, 120, 240], 1)])
def test_connect_waits_for_a_new_secret(
    run: Run,
    contoso: dict[str, Any],
    directory: FakeDirectory,
    monkeypatch: pytest.MonkeyPatch,
    known_after_s: float,
    waits: list[float],
    code: int,
) -> None:
    """It is sent again after 30 s, and later each time, until it is known or counts as wrong."""
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if sum(waited) >= known_after_s:
            directory.secret = contoso["clientSecret"]

    directory.secret = "not known yet"
    monkeypatch.setattr(validation, "NEW_CREDENTIAL", msgspec.structs.replace(NEW_CREDENTIAL, first_wait_s=0.0))
    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setenv("RECIPIENT_SYNC_SECRET", contoso["clientSecret"])
    ended = run("connect", "contoso", *ids(contoso), "--wait")
    assert (ended.code, waited) == (code, waits)
    assert ("connection of contoso is on" in ended.out) is (code == 0)
    assert ended.out.count("does not know the credential yet") == len(waits)


@pytest.mark.usefixtures("connected")
def test_validate_and_map(run: Run, directory: FakeDirectory) -> None:
    """A report, whose failures need attention; a mapping, shown and replaced."""
    ended = run("validate", "contoso")
    assert (ended.code, "pass" in ended.out) == (0, True)
    assert run("validate", "contoso", "--json").json["ok"] is True
    mapped = run("map", "contoso", "desk", person(100), "--json")
    assert (mapped.code, mapped.json) == (0, {"groups": [{"id": person(100), "transitive": True}]})
    assert person(100) in run("map", "contoso", "desk").out
    assert run("map", "contoso", "desk", "--clear", "--json").json == {"groups": []}
    directory.secret = "another"
    failed = run("validate", "contoso")
    assert (failed.code, "FAIL" in failed.out) == (3, True)


@pytest.mark.usefixtures("connected")
def test_a_sync_is_asked_for_and_watched(run: Run, network: InMemory) -> None:
    """Without --watch it is on its way; with it, it has ended, and each request has a key of its own."""
    asked = run("sync", "contoso", "--json")
    assert (asked.code, asked.json["state"]) == (0, "fetching")
    ended = run("sync", "contoso", "--full", "--watch", "--every", "0", "--json")
    assert (ended.code, ended.json["state"], ended.json["mode"]) == (0, "done", "full")
    assert run("sync", "contoso", "--preview", "--watch", "--every", "0").code == 0
    keys = [request.headers["idempotency-key"] for request in network.requests if request.method == "POST"]
    assert len(set(keys)) == len(keys) == 3
    listed = run("runs", "contoso", "--limit", "2", "--json").json["runs"]
    assert len(listed) == 2
    assert asked.json["id"] in run("runs", "contoso").out
    changes = run("changes", "contoso", asked.json["id"], "--json").json["changes"]
    assert {change["kind"] for change in changes} == {"created"}
    assert "User 1" in run("changes", "contoso", asked.json["id"]).out
    undone = run("undo", "contoso", asked.json["id"], "--json")
    assert (undone.code, undone.json["undoes"]) == (0, asked.json["id"])


@pytest.mark.usefixtures("connected")
def test_a_held_run_needs_attention(run: Run, network: InMemory, directory: FakeDirectory) -> None:
    """3; it is approved after a question, or with --yes, or rejected."""
    _put(network, "tenants/contoso/preferences", GUARDED)
    assert run("sync", "contoso", "--watch", "--every", "0").code == 0
    directory.remove(person(1))
    held = run("sync", "contoso", "--full", "--watch", "--every", "0", "--json")
    assert (held.code, held.json["state"]) == (3, "held")
    refused = run("approve", "contoso", held.json["id"], typed="n\n")
    assert (refused.code, "Deactivate 1" in refused.out) == (1, True)
    assert run("approve", "contoso", held.json["id"], "--yes", "--json").json["decision"]["approved"] is True
    assert run("runs", "contoso", "--json").json["runs"][0]["state"] == "done"
    directory.remove(person(2))
    held = run("sync", "contoso", "--full", "--watch", "--every", "0", "--json")
    assert run("reject", "contoso", held.json["id"], "--json").json["decision"]["approved"] is False
    again = run("approve", "contoso", held.json["id"], "--yes")
    assert (again.code, "not_held" in again.err) == (1, True)


@pytest.mark.usefixtures("connected")
def test_files_go_in_and_out(run: Run, tmp_path: Path) -> None:
    """Tried first, then imported; refused rows need attention; exported as CSV or JSON."""
    file = tmp_path / "people.csv"
    file.write_text("Name,E-mail\nAda,ada@example.com\n", encoding="utf-8")
    tried = run("import", "contoso", "desk", str(file), "--dry-run", "--json")
    assert (tried.code, tried.json["counts"]["created"], tried.json["run"]) == (0, 1, None)
    assert run("export", "contoso", "desk", "--json").json == {"recipients": []}
    assert run("import", "contoso", "desk", str(file)).code == 0
    out = tmp_path / "out.csv"
    assert run("export", "contoso", "desk", "--output", str(out)).code == 0
    assert "ada@example.com" in out.read_text(encoding="utf-8-sig")
    assert "ada@example.com" in run("export", "contoso", "desk").out
    assert [recipient["mail"] for recipient in run("export", "contoso", "desk", "--json").json["recipients"]] == [
        "ada@example.com"
    ]
    assert run("sync", "contoso", "--watch", "--every", "0").code == 0
    file.write_text("Name,E-mail\nUser One,user1@example.com\n", encoding="utf-8")
    refused = run("import", "contoso", "desk", str(file))
    assert (refused.code, "line 2" in refused.out) == (3, True)
    file.write_text("Name,E-mail\nAda,no address\n", encoding="utf-8")
    wrong = run("import", "contoso", "desk", str(file), "--json")
    assert (wrong.code, json.loads(wrong.err)["code"]) == (1, "rows_refused")
    assert run("import", "contoso", "desk", str(tmp_path / "none.csv")).code == 2
    explained = run("explain", "contoso", "user1@example.com", "--json").json
    assert explained["locations"][0]["in"] is True
    assert "yes" in run("explain", "contoso", "user1@example.com").out


@pytest.mark.usefixtures("connected")
def test_an_operator_looks_after_everything(run: Run, ports: Ports) -> None:
    """Tenants on one line each; the deployment examined, with what failed as a reason to look."""
    lines = run("tenants", "--search", "cont", "--sort", "-name", "--json").json["tenants"]
    assert [(line["id"], line["connection"]["state"]) for line in lines] == [("contoso", "on")]
    assert "Contoso" in run("tenants").out
    examined = run("doctor", "--json")
    assert (examined.code, examined.json["ok"]) == (0, True)
    assert "clock_here" in {check["id"] for check in examined.json["checks"]}
    ports.probes.depths = {"fetch-jobs-poison": 2}  # type: ignore[attr-defined]
    assert run("doctor").code == 0
    ports.probes.wrong = {"vault": Misconfigured("Assign the role.", code="x")}  # type: ignore[attr-defined]
    failed = run("doctor")
    assert (failed.code, "Assign the role." in failed.out) == (3, True)


@pytest.fixture
async def recorded(ports: Ports) -> None:
    """Two messages in the ledger."""
    for name in ("m1", "m2"):
        entry = OperatorLogEntry(
            id=name, at=ports.clock.now(), queue="sync-requests", code="poison", detail="d", body="contoso"
        )
        await ports.operator_log.record(entry)


@pytest.mark.usefixtures("connected", "recorded")
def test_poison_is_put_back_or_thrown_away(run: Run) -> None:
    """Each once; what is gone is refused, and nobody throws away what they did not mean to."""
    assert {entry["id"] for entry in run("poison", "list", "--json").json["entries"]} == {"m1", "m2"}
    assert "m1" in run("poison", "list").out
    assert run("poison", "replay", "m1", "--json").json["replayedBy"] == "api"
    assert run("poison", "discard", "m2", typed="n\n").code == 1
    assert run("poison", "discard", "m2", "--yes", "--json").json == {"discarded": "m2"}
    gone = run("poison", "discard", "m2", "--yes")
    assert (gone.code, "entry_not_found" in gone.err) == (1, True)


@pytest.mark.usefixtures("connected")
def test_a_large_file_is_uploaded_in_parts(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the report of a small one; approved by importing it again; its wrong rows are told."""
    monkeypatch.setattr(import_in_request, "MAX_ROWS_IN_REQUEST", 5)
    monkeypatch.setattr(uploads, "PART_BYTES", 100)
    file = tmp_path / "people.csv"
    rows = [f"Ada {number},ada{number}@example.com" for number in range(20)]
    file.write_text("\n".join(("Name,E-mail", *rows)), encoding="utf-8")
    words = ("import", "contoso", "desk", str(file), "--every", "0", "--json")
    done = run(*words)
    assert (done.code, done.json["counts"]["created"], done.json["refused"]) == (0, 20, [])
    tried = run(*words, "--dry-run")
    assert (tried.code, json.loads(tried.err)["code"]) == (1, "too_many_rows")
    file.write_text("\n".join(("Name,E-mail", *rows[:6])), encoding="utf-8")
    held = run(*words, "--mode", "overwrite")
    assert (held.code, held.json["held"]) == (3, 14)
    approved = run(*words, "--mode", "overwrite", "--approve", held.json["heldDigest"])
    assert (approved.code, approved.json["counts"]["deactivated"]) == (0, 14)
    file.write_text("\n".join(("Name,E-mail", *rows, "Bob,no address")), encoding="utf-8")
    wrong = run(*words)
    assert wrong.code == 1
    assert [row["line"] for row in json.loads(wrong.err)["problems"]] == [22]


@pytest.mark.usefixtures("connected")
def test_columns_are_given_and_look_alikes_confirmed(run: Run, tmp_path: Path) -> None:
    """The columns are remembered; people who look like existing ones need attention, and the printed code."""
    file = tmp_path / "people.csv"
    file.write_text("Wer;Wohin;Size\n" + "".join(f"P{n};p{n}@old.example;1\n" for n in range(9)), encoding="utf-8")
    words = ("import", "contoso", "desk", str(file))
    assert run(*words).code == 1
    columns = ("--column", "Wer=displayName", "--column", "Wohin = mail", "--column", "Size=")
    assert run(*words, "--column", "Wer").code == 2
    assert run(*words, *columns, "--json").json["counts"]["created"] == 9
    assert run(*words, "--json").json["unchanged"] == 9
    file.write_text(file.read_text("utf-8").replace("old.", "new."), encoding="utf-8")
    waiting = run(*words)
    assert (waiting.code, "9 new people look like existing recipients" in waiting.out) == (3, True)
    digest = run(*words, "--dry-run", "--json").json["heldDigest"]
    assert f"--approve {digest}" in waiting.out.replace("\n", " ")
    assert run(*words, "--approve", digest, "--json").json["counts"]["created"] == 9


@pytest.mark.usefixtures("connected")
def test_pausing_a_tenant_and_all(run: Run) -> None:
    """The answer says what is paused; a call that names neither a tenant nor all is refused before it is sent."""
    for words, subject, state in (
        (("pause", "contoso"), "contoso", "paused"),
        (("pause", "--all"), "all tenants", "paused"),
        (("resume", "--all"), "all tenants", "running"),
        (("resume", "contoso"), "contoso", "running"),
    ):
        ended = run(*words)
        assert ended.code == 0, ended
        assert subject in ended.out
        assert state in ended.out
    assert json.loads(run("pause", "contoso", "--json").out)["scopes"] == ["tenant"]
    for wrong in (["pause"], ["resume", "contoso", "--all"]):
        ended = run(*wrong)
        assert (ended.code, ended.out.strip()) == (2, "")
