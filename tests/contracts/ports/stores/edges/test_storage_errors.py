"""What Table Storage answers, as the product's errors."""

import msgspec
import pytest
from aiohttp import web

from shared.adapters.stores import TableRecipientStore, TableSyncStateStore
from shared.adapters.tables import client
from shared.domain.ids import TenantId
from shared.domain.reconcile.fence import Fence
from shared.domain.retry_policy import TABLE_REQUEST
from shared.domain.run import TenantState
from shared.domain.versioned import Versioned
from shared.errors import Conflict, Misconfigured, Rejected, SyncError, Transient
from shared.telemetry import count_requests
from tests.contracts.ports.stores.edges.service import Service, running
from tests.support.samples import LOCATION, journal, recipient

TENANT = TenantId("contoso")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK tries again twice at once rather than three times in four seconds."""
    fast = msgspec.structs.replace(TABLE_REQUEST, attempts=3, first_wait_s=0.01)
    monkeypatch.setattr(client, "TABLE_REQUEST", fast)


def answer(status: int, code: str, **headers: str) -> web.Response:
    """Return an error as Table Storage words it."""
    body = {"odata.error": {"code": code, "message": {"lang": "en-US", "value": "something"}}}
    return web.json_response(body, status=status, headers={**headers, "x-ms-error-code": code})


def batch_answer(status: int, code: str) -> web.Response:
    """Return a batch that was refused because of one of its operations."""
    error = f'{{"odata.error":{{"code":"{code}","message":{{"lang":"en-US","value":"0:something"}}}}}}'
    inner = (
        "--changesetresponse_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        f"HTTP/1.1 {status} Error\r\nContent-Type: application/json\r\n\r\n{error}\r\n--changesetresponse_1--\r\n"
    )
    text = (
        "--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n"
        f"{inner}--batchresponse_1--\r\n"
    )
    return web.Response(status=202, text=text, headers={"Content-Type": "multipart/mixed; boundary=batchresponse_1"})


async def _write(service: Service) -> str:
    person = recipient(1)
    fence = Versioned(Fence(attempt="a", operation=1), "W/\"datetime'x'\"")
    return await TableRecipientStore(service.tables).write(TENANT, LOCATION, [person], journal(person), fence)


@pytest.mark.parametrize(
    ("status", "code", "error", "ours"),
    [
        (404, "TableNotFound", Misconfigured, "table_missing"),
        (403, "AuthorizationPermissionMismatch", Misconfigured, "storage_forbidden"),
        (409, "TableBeingDeleted", Transient, "storage_busy"),
        (429, "TooManyRequests", Transient, "storage_busy"),
        (500, "InternalError", Transient, "storage_busy"),
        (503, "ServerBusy", Transient, "storage_busy"),
        (504, "OperationTimedOut", Transient, "storage_busy"),
        (400, "InvalidInput", Rejected, "storage_refused"),
    ],
)
async def test_an_answer_becomes_the_error_that_tells_what_to_do(
    status: int, code: str, error: type[SyncError], ours: str
) -> None:
    """Waiting, configuring and giving up are told apart, and a missing table is not a missing row."""
    async with running(answer(status, code)) as service:
        with pytest.raises(error) as caught:
            await TableSyncStateStore(service.tables).get(TENANT)
    assert caught.value.code == ours


async def test_a_missing_row_is_none() -> None:
    """A row that is not there is the fresh state."""
    async with running(answer(404, "ResourceNotFound")) as service:
        assert await TableSyncStateStore(service.tables).get(TENANT) == (TenantState(), None)


@pytest.mark.parametrize(
    ("status", "code"),
    [(412, "UpdateConditionNotSatisfied"), (409, "EntityAlreadyExists"), (404, "ResourceNotFound")],
)
async def test_a_lost_race_is_a_conflict(status: int, code: str) -> None:
    """Whether the row changed, came or went: the state must be read again, alone and in a batch."""
    async with running(answer(status, code)) as service:
        with pytest.raises(Conflict):
            await TableSyncStateStore(service.tables).replace(TENANT, TenantState(), "etag")
    async with running(batch_answer(status, code)) as service:
        with pytest.raises(Conflict):
            await _write(service)


async def test_how_long_to_wait_is_passed_on() -> None:
    """Retry-After, in seconds, is in the error; every retry is charged."""
    with count_requests() as counters:
        async with running(answer(503, "ServerBusy", **{"Retry-After": "0"})) as service:
            with pytest.raises(Transient) as caught:
                await TableSyncStateStore(service.tables).get(TENANT)
    assert caught.value.retry_after_s == 0
    assert counters.storage_requests == 1 + len(service.seen) == 4


async def test_a_broken_connection_leaves_it_open_whether_a_batch_was_written() -> None:
    """No answer at all, or one that breaks off, is Transient: the fence will tell."""
    page = web.Response(status=202, text="<html>Sign in to the hotel's network</html>", content_type="text/html")
    empty = web.Response(
        status=202,
        text="--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c--\r\n--b--\r\n",
        headers={"Content-Type": "multipart/mixed; boundary=b"},
    )
    for given in (None, page, empty):
        async with running(given) as service:
            with pytest.raises(Transient):
                await _write(service)


async def test_a_batch_that_is_too_large_is_not_sent() -> None:
    """98 recipients with 50,000 characters each exceed 4 MiB; nothing is sent, and the sizes are told."""
    people = [recipient(number, department="x" * 30_000, job_title="y" * 20_000) for number in range(98)]
    async with running(answer(500, "InternalError")) as service:
        with pytest.raises(Rejected, match="4194304") as caught:
            await TableRecipientStore(service.tables).write(
                TENANT, LOCATION, people, journal(), Versioned(Fence(attempt="a"), None)
            )
    assert (caught.value.code, service.seen) == ("batch_too_large", [])
