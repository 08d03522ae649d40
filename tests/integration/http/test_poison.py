"""Messages that could not be worked off: put back once, or thrown away."""

import asyncio
import logging

import pytest

from shared.bootstrap import Ports
from shared.domain.ids import TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.sync.jobs import FetchJob, SyncRequest
from shared.errors import Transient
from tests.support.fakes import FakeClock, FakeJobQueue
from tests.support.http.calling import Client
from tests.support.world import Crash

pytestmark = pytest.mark.usefixtures("connected")
CONTOSO = TenantId("contoso")


async def _record(ports: Ports, body: str, *, queue: str = "sync-requests", id_: str = "m1") -> None:
    await ports.operator_log.record(
        OperatorLogEntry(
            id=id_, at=ports.clock.now(), queue=queue, code="poison", detail="d", body=body, tenant=CONTOSO
        )
    )


def _sent(ports: Ports) -> list[object]:
    assert isinstance(ports.queue, FakeJobQueue)
    return list(ports.queue.messages)


async def test_a_message_is_put_back_once(api: Client, ports: Ports, caplog: pytest.LogCaptureFixture) -> None:
    """However often and at the same time it is asked for; the entry says when and by whom, and so does the log."""
    await _record(ports, '{"tenant": "contoso", "mode": "full"}')
    with caplog.at_level(logging.INFO):
        answers = await asyncio.gather(*(api("POST", "ledger/m1/replay") for _ in range(4)))
    assert {answer.status for answer in answers} <= {200, 409}
    again = await api("POST", "ledger/m1/replay")
    assert (again.status, again.body["replayedBy"]) == (200, "api")
    (request,) = _sent(ports)
    assert isinstance(request, SyncRequest)
    assert (request.tenant, request.mode.value, request.request) == ("contoso", "full", "replay-m1")
    assert caplog.text.count("replayed queue=sync-requests message=m1") == 1
    (entry,) = (await api("GET", "ledger")).body["entries"]
    assert entry == again.body


async def test_a_request_that_names_a_run_keeps_it(api: Client, ports: Ports) -> None:
    """So that the run that was announced is the one that comes."""
    await _record(ports, '{"tenant": "contoso", "request": "8204576261968-0000000a", "by": "api"}')
    assert (await api("POST", "ledger/m1/replay")).status == 200
    (request,) = _sent(ports)
    assert isinstance(request, SyncRequest)
    assert request.request == "8204576261968-0000000a"


async def test_a_job_is_put_back_while_its_run_goes_on(api: Client, ports: Ports) -> None:
    """Once the run has ended there is nothing to put it back to: 409, and what to do instead."""
    body = '{"tenant": "contoso", "run": "8204576261968-0000000a", "source": "main:users"}'
    await _record(ports, body, queue="fetch-jobs")
    refused = await api("POST", "ledger/m1/replay")
    assert (refused.status, refused.body["code"]) == (409, "run_ended")
    assert _sent(ports) == []


async def test_a_job_of_the_run_under_way(api: Client, ports: Ports) -> None:
    """Goes back to its own queue."""
    await api("PUT", "tenants/contoso/preferences", {"mode": "full"})
    run = (await api("POST", "tenants/contoso/runs", {})).body["id"]
    assert isinstance(ports.queue, FakeJobQueue)
    ports.queue.messages.clear()
    await _record(ports, f'{{"tenant": "contoso", "run": "{run}", "source": "main:users"}}', queue="fetch-jobs")
    assert (await api("POST", "ledger/m1/replay")).status == 200
    assert [type(message) for message in _sent(ports)] == [FetchJob]


@pytest.mark.parametrize(("queue", "body"), [("sync-requests", "No Such!"), ("fetch-jobs", "{"), ("connection", "")])
async def test_what_cannot_be_understood_is_not_put_back(api: Client, ports: Ports, queue: str, body: str) -> None:
    """It would only come back: 422 that says to discard it; nor is an event a message."""
    await _record(ports, body, queue=queue)
    refused = await api("POST", "ledger/m1/replay")
    assert (refused.status, refused.body["code"]) == (422, "not_replayable")
    assert _sent(ports) == []
    assert (await api("DELETE", "ledger/m1")).status == 204


async def test_a_queue_that_fails_leaves_the_entry_as_it_was(
    api: Client, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be put back at once; after a crash, in a minute, under the same name."""
    clock = ports.clock
    assert isinstance(clock, FakeClock)
    await _record(ports, "contoso")
    for error in (Transient("Busy.", code="storage_busy"), Crash()):

        async def fails(request: SyncRequest, *, error: BaseException = error, delay_s: float = 0) -> None:
            raise error

        with monkeypatch.context() as broken:
            broken.setattr(ports.queue, "send", fails)
            if isinstance(error, Crash):
                with pytest.raises(Crash):
                    await api("POST", "ledger/m1/replay")
            else:
                assert (await api("POST", "ledger/m1/replay")).status == 503
    waiting = await api("POST", "ledger/m1/replay")
    assert (waiting.status, waiting.body["code"]) == (409, "request_in_progress")
    clock.advance(60)
    assert (await api("POST", "ledger/m1/replay")).status == 200
    assert len(_sent(ports)) == 1


async def test_an_entry_is_thrown_away(api: Client, ports: Ports, caplog: pytest.LogCaptureFixture) -> None:
    """It is gone, which is logged; there is nothing more to decide on."""
    await _record(ports, "contoso")
    with caplog.at_level(logging.INFO):
        assert (await api("DELETE", "ledger/m1")).status == 204
    assert "discarded queue=sync-requests message=m1" in caplog.text
    assert (await api("GET", "ledger")).body["entries"] == []
    for method, path in (("DELETE", "ledger/m1"), ("POST", "ledger/m1/replay")):
        missing = await api(method, path)
        assert (missing.status, missing.body["code"]) == (404, "entry_not_found")


async def test_entries_of_two_queues_with_one_id_are_told_apart(api: Client, ports: Ports) -> None:
    """By the queue, which has to be said then."""
    await _record(ports, "contoso")
    await _record(ports, "{", queue="fetch-jobs")
    asked = await api("DELETE", "ledger/m1")
    assert (asked.status, asked.body["code"]) == (422, "ambiguous_entry")
    assert (await api("DELETE", "ledger/m1?queue=fetch-jobs")).status == 204
    (left,) = (await api("GET", "ledger")).body["entries"]
    assert left["queue"] == "sync-requests"
