"""Messages that no sane sender makes: they are refused with a sentence, never with a crash."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.directory import Source
from shared.domain.ids import LocationId, RunId, TenantId
from shared.domain.run import RunMode
from shared.domain.sync.jobs import QUEUES, FetchJob, ImportJob, ReconcileJob, SyncRequest
from shared.domain.sync.queue_messages import (
    encode,
    parse,
    parse_request,
)
from shared.errors import Rejected
from tests.support.ids import HOSTILE

TENANT, RUN = TenantId("contoso"), RunId("8204576261968-0000000a")
ANY_TEXT = st.text(st.characters(), max_size=200)


@given(st.one_of(ANY_TEXT, ANY_TEXT.map(lambda text: "{" + text), st.binary().map(lambda data: data.decode("latin-1"))))
def test_any_text_is_a_request_or_refused(text: str) -> None:
    """Surrogates, control characters, half JSON: a request or Rejected comes out, nothing else."""
    try:
        request = parse_request(text, "message-1")
    except Rejected as error:
        assert error.code == "malformed_message"  # noqa: PT017 - either outcome is right
    else:
        assert request.tenant in text.lower() or base64.b64decode(text)


@given(ANY_TEXT)
def test_any_text_is_a_job_or_refused(text: str) -> None:
    """The same for the queues that only the product writes to."""
    for queue in QUEUES:
        if queue != SyncRequest.queue:
            with pytest.raises(Rejected):
                parse(queue, text)


@given(st.sampled_from(RunMode), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_the_product_s_own_requests_survive(mode: RunMode, name: str) -> None:
    """Whatever a request is called, it is called so after the round trip."""
    request = SyncRequest(tenant=TENANT, mode=mode, request=name, requested_by="schedule")
    assert parse_request(encode(request), "other") == request


def test_a_request_id_that_is_too_long_is_refused() -> None:
    """An id is never cut: two that differ only behind the cut would be one request."""
    assert parse_request(f'{{"tenant":"contoso","request":"{"x" * 200}"}}', "m").request == "x" * 200
    with pytest.raises(Rejected, match="201 characters"):
        parse_request(f'{{"tenant":"contoso","request":"{"x" * 201}"}}', "m")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"tenant": "contoso", "mode": "sometimes"}', "'sometimes'"),
        ('{"tenant": "Contoso!"}', "'Contoso!'"),
        ('{"tenant": 5}', "tenant"),
        ('{"tenant": "contoso"', "broken JSON"),
        ('{"tenant": ' + "[" * 2_000, "broken JSON"),
        ("x" * 4_097, "4097 characters"),
    ],
)
def test_the_refusal_names_the_fault(text: str, names: str) -> None:
    """The sentence holds what was wrong, beside the remedy."""
    with pytest.raises(Rejected, match="Send a tenant's id") as caught:
        parse_request(text, "m")
    assert names in str(caught.value)


@pytest.mark.parametrize(
    "source", [Source(), *(Source(group=name, transitive=deep) for name in HOSTILE for deep in (True, False))]
)
def test_every_source_of_a_plan_is_understood(source: Source) -> None:
    """Every id that a source can have passes."""
    job = FetchJob(tenant=TENANT, run=RUN, source=source.id)
    assert parse(FetchJob.queue, encode(job)) == job


@pytest.mark.parametrize(
    "source",
    [
        "",
        "users",
        ":users",
        "main:users ",
        "main:users/../x",
        "main:group-1",
        "main:users:1",
        "main:!current",
        "MAIN:users",
        f"main:group-{'g' * 32}",
        f"main:group-{'0' * 33}",
    ],
)
def test_a_source_that_no_plan_has_is_refused(source: str) -> None:
    """A source becomes a key, so it is validated like any id."""
    with pytest.raises(Rejected, match="not a valid source id"):
        parse(FetchJob.queue, f'{{"tenant":"contoso","run":"{RUN}","source":"{source}"}}')


@pytest.mark.parametrize("location", ["", "A", "a:b", "a/b", "x" * 65])
def test_a_location_that_cannot_be_is_refused(location: str) -> None:
    """A location becomes a key, so it is validated like any id."""
    with pytest.raises(Rejected):
        parse(ReconcileJob.queue, f'{{"tenant":"contoso","run":"{RUN}","location":"{LocationId(location)}"}}')


@pytest.mark.parametrize(("location", "import_"), [("a:b", RUN), ("desk", ""), ("desk", "../x"), ("desk", f"{RUN}:1")])
def test_an_import_that_cannot_be_is_refused(location: str, import_: str) -> None:
    """Both become keys."""
    with pytest.raises(Rejected):
        parse(ImportJob.queue, f'{{"tenant":"contoso","run":"{RUN}","location":"{location}","import_id":"{import_}"}}')
