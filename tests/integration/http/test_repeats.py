"""Requests that are sent again with their `Idempotency-Key`, and imports that are only tried."""

import asyncio
from datetime import timedelta

import pytest

from shared.bootstrap import App, Ports
from shared.domain.access.idempotency import ABANDONED_AFTER, KEPT_FOR
from shared.domain.ids import TenantId
from shared.domain.sync.jobs import SyncRequest
from shared.errors import Transient
from tests.support.fakes import FakeClock, FakeJobQueue
from tests.support.http.calling import Client
from tests.support.world import Crash

pytestmark = pytest.mark.usefixtures("connected")
RUNS = "tenants/contoso/runs"
RECIPIENTS = "tenants/contoso/locations/desk/recipients"
KEY = {"Idempotency-Key": "order 66"}
FILE = b"Name,E-mail\nAda,ada@example.com\n"


def _runs(ports: Ports) -> list[str]:
    """Return the runs that the messages in the queues belong to."""
    assert isinstance(ports.queue, FakeJobQueue)
    return [job.request if isinstance(job, SyncRequest) else job.run for job in ports.queue.messages]


async def test_the_same_key_with_the_same_request_is_the_same_run(api: Client, ports: Ports) -> None:
    """Asked for once, and answered as it stands; another body with the key is refused, another key is another run."""
    first = await api("POST", RUNS, {"mode": "full"}, headers=KEY)
    again = await api("POST", RUNS, {"preview": False, "mode": "full"}, headers=KEY)
    assert (again.status, again.body, again.headers) == (202, first.body, first.headers)
    assert _runs(ports) == [first.body["id"]]
    other = await api("POST", RUNS, {"mode": "incremental"}, headers=KEY)
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    new = await api("POST", RUNS, {"mode": "full"}, headers={"Idempotency-Key": "another"})
    assert new.body["id"] != first.body["id"]


@pytest.mark.parametrize("body", [{"mode": "full"}, {"mode": "full", "preview": True}])
async def test_two_at_once_are_one_run(api: Client, ports: Ports, body: dict[str, object]) -> None:
    """Both are answered with it, and whatever was enqueued names it alone."""
    answers = await asyncio.gather(*(api("POST", RUNS, body, headers=KEY) for _ in range(5)))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert set(_runs(ports)) == {answers[0].body["id"]}
    assert len((await api("GET", RUNS)).body["runs"]) == 1


async def test_a_key_is_forgotten_after_a_day(api: Client, product: App, ports: Ports) -> None:
    """Then it may be used anew, whether or not the schedule has swept it."""
    clock = ports.clock
    assert isinstance(clock, FakeClock)
    first = await api("POST", RUNS, {}, headers=KEY)
    clock.advance(KEPT_FOR.total_seconds())
    second = await api("POST", RUNS, {}, headers=KEY)
    assert second.body["id"] != first.body["id"]
    clock.advance(KEPT_FOR.total_seconds() + 1)
    await product.schedule(clock.now())
    assert isinstance(ports.queue, FakeJobQueue)
    rows = ports.idempotency._rows.keys()  # type: ignore[attr-defined]
    assert rows == []


async def test_what_was_refused_may_be_asked_again(api: Client, ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key whose request came to nothing is free."""

    async def busy(request: SyncRequest, *, delay_s: float = 0) -> None:
        raise Transient("Busy.", code="storage_busy")

    with monkeypatch.context() as broken:
        broken.setattr(ports.queue, "send", busy)
        assert (await api("POST", RUNS, {}, headers=KEY)).status == 503
    assert (await api("POST", RUNS, {"mode": "full"}, headers=KEY)).status == 202


async def test_whoever_died_over_a_key_does_not_keep_it(
    api: Client, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a while the same request goes on with the same run; then it makes a new one, which sorts as what it is."""
    clock = ports.clock
    assert isinstance(clock, FakeClock)

    async def dies(_: object) -> bool:
        raise Crash

    with monkeypatch.context() as broken:
        broken.setattr(ports.runs, "insert", dies)
        for key in ("one", "two"):
            with pytest.raises(Crash):
                await api("POST", RUNS, {}, headers={"Idempotency-Key": key})
    one = await api("POST", RUNS, {}, headers={"Idempotency-Key": "one"})
    assert one.status == 202
    clock.advance((ABANDONED_AFTER + timedelta(seconds=1)).total_seconds())
    two = await api("POST", RUNS, {}, headers={"Idempotency-Key": "two"})
    assert two.body["id"] < one.body["id"]  # the newest sorts first


async def test_an_import_is_done_once(api: Client) -> None:
    """The same file again is answered with the first report and run; another one with the key is refused."""
    first = await api("POST", RECIPIENTS, raw=FILE, headers=KEY)
    assert (first.status, first.body["counts"]["created"]) == (200, 1)
    again = await api("POST", RECIPIENTS, raw=FILE, headers=KEY)
    assert (again.status, again.body) == (200, first.body)
    for path, raw in ((RECIPIENTS, FILE + b"Eva,eva@example.com\n"), (f"{RECIPIENTS}?mode=overwrite", FILE)):
        other = await api("POST", path, raw=raw, headers=KEY)
        assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    assert len((await api("GET", RUNS)).body["runs"]) == 1


async def test_of_two_imports_at_once_one_is_done(api: Client) -> None:
    """The other is answered with the same report, or told to wait for it."""
    answers = await asyncio.gather(*(api("POST", RECIPIENTS, raw=FILE, headers=KEY) for _ in range(4)))
    waiting = [answer for answer in answers if answer.status != 200]
    assert {each.body["code"] for each in waiting} <= {"request_in_progress"}
    done = [answer.body["run"]["id"] for answer in answers if answer.status == 200]
    assert len(set(done)) == 1
    assert len((await api("GET", RUNS)).body["runs"]) == 1


async def test_a_file_that_was_refused_may_be_sent_corrected(api: Client) -> None:
    """Under the same key, because nothing came of it."""
    refused = await api("POST", RECIPIENTS, raw=b"Name,E-mail\nAda,no address\n", headers=KEY)
    assert refused.status == 422
    assert (await api("POST", RECIPIENTS, raw=FILE, headers=KEY)).status == 200


async def test_keys_are_the_callers_and_the_tenants_own(api: Client, product: App) -> None:
    """What one tenant has used is new to another."""
    await api("POST", RECIPIENTS, raw=FILE, headers=KEY)
    await product.tenants.put(TenantId("fabrikam"), "Fabrikam")
    await api("PUT", "tenants/fabrikam/locations/desk", {"name": "Desk"})
    theirs = await api(
        "POST", "tenants/fabrikam/locations/desk/recipients", raw=FILE + b"Eva,e@x.example\n", headers=KEY
    )
    assert (theirs.status, theirs.body["counts"]["created"]) == (200, 2)


@pytest.mark.parametrize("key", ["x" * 201, "a\tb"])
async def test_a_key_that_is_none_is_refused(api: Client, key: str) -> None:
    """400, for runs and for imports."""
    for path in (RUNS, RECIPIENTS):
        refused = await api("POST", path, {}, headers={"Idempotency-Key": key})
        assert (refused.status, refused.body["code"]) == (400, "invalid_header")


async def test_a_dry_run_reports_and_writes_nothing(api: Client) -> None:
    """What an import would do, faults included; neither recipients nor history know of it."""
    tried = await api("POST", f"{RECIPIENTS}?dryRun=true", raw=FILE)
    assert (tried.status, tried.body["counts"]["created"], tried.body["run"]) == (200, 1, None)
    wrong = await api("POST", f"{RECIPIENTS}?dryRun=true", raw=b"Name,E-mail\nAda,no address\n")
    assert (wrong.status, wrong.body["code"]) == (422, "rows_refused")
    assert (await api("GET", RECIPIENTS)).body["recipients"] == []
    assert (await api("GET", RUNS)).body["runs"] == []
    done = await api("POST", f"{RECIPIENTS}?dryRun=false", raw=FILE)
    assert {**done.body, "run": None} == tried.body
    assert (await api("POST", f"{RECIPIENTS}?dryRun=yes", raw=FILE)).body["code"] == "invalid_query"
