"""The public contract of `sync-requests`, and the product's own messages."""

import base64

import pytest

from shared.domain.directory import Source
from shared.domain.ids import ImportId, LocationId, RunId, TenantId
from shared.domain.run import RunMode
from shared.domain.schema_version import READABLE
from shared.domain.sync.jobs import DeactivateJob, FetchJob, ImportJob, ReconcileJob, SyncRequest
from shared.domain.sync.queue_messages import (
    Envelope,
    encode,
    envelope_of,
    parse,
    parse_request,
)
from shared.errors import Rejected, Unreadable

TENANT, RUN = TenantId("contoso"), RunId("8204576261968-0000000a")


@pytest.mark.parametrize("encode", [str, lambda text: base64.b64encode(text.encode()).decode()], ids=["text", "base64"])
@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("contoso", RunMode.INCREMENTAL),
        ("  contoso\n", RunMode.INCREMENTAL),
        ("\ufeffcontoso", RunMode.INCREMENTAL),
        ('{"tenant": "contoso"}', RunMode.INCREMENTAL),
        ('{"tenant": "contoso", "mode": "full"}', RunMode.FULL),
        ('\ufeff{"tenant": "contoso", "mode": "full", "comment": "x"}', RunMode.FULL),
    ],
)  # fmt: skip
def test_requests_come_as_text_or_json_plain_or_base64(encode: object, text: str, mode: RunMode) -> None:
    """Whatever tool puts the message, it is understood; it is called as its queue message."""
    assert callable(encode)
    request = parse_request(encode(text), "message-1")
    assert request == SyncRequest(tenant=TENANT, mode=mode, request="message-1", requested_by="queue")


@pytest.mark.parametrize("separator", ["\n", "\r\n", " ", "\t"])
def test_base64_may_be_broken_into_lines(separator: str) -> None:
    """As `base64`, PowerShell and older .NET write it."""
    text = '{"tenant": "contoso", "mode": "full", "comment": "long enough for two lines"}'
    encoded = base64.b64encode(text.encode()).decode()
    lines = [encoded[start : start + 76] for start in range(0, len(encoded), 76)]
    assert len(lines) == 2
    assert parse_request(separator.join(lines) + separator, "m").mode is RunMode.FULL


@pytest.mark.parametrize(
    "text",
    [
        '{"Tenant": "contoso", "Mode": "full"}',
        '{"TENANT": "contoso", "mode": "Full"}',
        '{"tenant": "contoso", "Mode": "FULL", "Request": null, "By": null}',
        base64.b64encode(b'{"Tenant": "contoso", "Mode": "Full"}').decode(),
    ],
)
def test_names_and_modes_are_read_in_any_case(text: str) -> None:
    """Serializers of other languages write them as their classes do, and send nulls for what is not set."""
    request = parse_request(text, "message-1")
    assert request == SyncRequest(tenant=TENANT, mode=RunMode.FULL, request="message-1", requested_by="queue")


@pytest.mark.parametrize("tenant", ["abcd", "contoso1", "test", "a1b2c3d4"])
def test_an_id_that_could_be_base64_is_an_id(tenant: str) -> None:
    """Four letters are valid base64, and still a tenant."""
    assert parse_request(tenant, "m").tenant == tenant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{broken",
        "[]",
        '{"mode": "full"}',
        '{"tenant": 5}',
        '{"tenant": "contoso", "mode": "sometimes"}',
        '{"tenant": "contoso", "Tenant": "fabrikam"}',
        '{"tenant": null}',
        "Not A Tenant",
        "a/b",
        "x" * 5_000,
        base64.b64encode(b"\xff\xfe\x00").decode(),
    ],
)
def test_what_is_no_request_is_explained(text: str) -> None:
    """The sentence names the fault and says what to send instead."""
    with pytest.raises(Rejected, match="Send a tenant's id") as raised:
        parse_request(text, "m")
    assert raised.value.code == "malformed_message"


@pytest.mark.parametrize("mode", ["full", "sideways"])
def test_a_request_of_a_later_version_waits(mode: str) -> None:
    """Also with a value that is unknown here: it is not refused."""
    with pytest.raises(Unreadable):
        parse("sync-requests", f'{{"tenant": "contoso", "mode": "{mode}", "schema": {READABLE + 1}}}', "m")


@pytest.mark.parametrize("due", [-1, 10**12, 10**18, 10**30])
def test_a_time_that_cannot_be_is_no_envelope(due: int) -> None:
    """The watchdog measures the age of every message, and must not fail for one."""
    assert envelope_of(f'{{"tenant": "contoso", "due": {due}}}') == Envelope()
    assert envelope_of('{"tenant": "contoso", "due": 253402300799}').due == 253_402_300_799


def test_messages_survive_a_round_trip() -> None:
    """What the product sends is what it reads."""
    request = SyncRequest(tenant=TENANT, mode=RunMode.FULL, request=RUN, requested_by="api")
    assert parse_request(encode(request), "other") == request
    fetch = FetchJob(tenant=TENANT, run=RUN, source=Source().id)
    assert parse(FetchJob.queue, encode(fetch)) == fetch
    reconcile = ReconcileJob(tenant=TENANT, run=RUN, location=LocationId("desk"))
    assert parse(ReconcileJob.queue, encode(reconcile)) == reconcile
    deactivate = DeactivateJob(tenant=TENANT, run=RUN, answers=("00000000000000aa",))
    assert parse(DeactivateJob.queue, encode(deactivate)) == deactivate
    import_ = ImportJob(tenant=TENANT, run=RUN, location=LocationId("desk"), import_id=ImportId(RUN))
    assert parse(ImportJob.queue, encode(import_)) == import_


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"step": "deactivate", "tenant": "contoso", "run": "nonsense"}',
        '{"step": "deactivate", "tenant": "../x", "run": "8204576261968-0000000a"}',
        '{"step": "deactivate", "tenant": "contoso", "run": "8204576261968-0000000a", "answers": ["../x"]}',
        '{"step": "reconcile", "tenant": "contoso", "run": "8204576261968-0000000a"}',
        '{"tenant": "contoso", "run": "8204576261968-0000000a"}',
    ],
)
def test_a_job_that_the_product_never_sends_is_refused(text: str) -> None:
    """Ids of jobs become keys, so they are validated like any other; a reconcile job never deactivates."""
    with pytest.raises(Rejected):
        parse(DeactivateJob.queue, text)
