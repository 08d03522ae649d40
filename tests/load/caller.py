"""Requests of the load: to the API, and to a table beside them."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from time import perf_counter
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables import AccountSasPermissions, ResourceTypes, TableServiceClient, generate_account_sas

from tests.load.samples import BARE, GET, Samples

_TABLE: Final = "LoadBeside"
#: Ids in a path.
_IDS: Final = re.compile("(/tenants|/locations)/[^/]+")
_OK: Final = (range(200, 300),)
#: Longest wait for an answer, in seconds.
_TIMEOUT_S: Final = 120.0
#: Longest pause after a 429, in seconds.
_PAUSE_S: Final = 5.0


class Caller:
    """Sends requests to a stack, and adds their latencies and statuses to `samples`, which may be replaced."""

    def __init__(self, stack: Mapping[str, Any]) -> None:
        self.samples = Samples()
        self._stack = stack
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        self._api = aiohttp.ClientSession(headers={"x-functions-key": stack["key"]}, timeout=timeout)
        self._tables = aiohttp.ClientSession(timeout=timeout)
        self._row = ""

    async def __aenter__(self) -> Self:
        self._row = await asyncio.to_thread(_create_row, self._stack["connection_string"])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._api.close()
        await self._tables.close()

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        kind: str = "other",
        wanted: Sequence[range] = _OK,
        what: str = "",
    ) -> Any:  # noqa: ANN401 - JSON of any route
        """Send a request and return its JSON; None if it was limited, after the pause that was asked for."""
        began_s = perf_counter()
        sent: dict[str, Any] = {"json": body} if body is not None else {"data": content}
        try:
            async with self._api.request(method, self._stack["api"] + path, headers=headers, **sent) as answer:
                text, status = await answer.read(), answer.status
                is_json = answer.content_type.endswith("json")
                found = await answer.json(content_type=None) if is_json and text else None
                wait_s = float(answer.headers.get("Retry-After") or 1)
        except (aiohttp.ClientError, TimeoutError) as error:
            found, status, wait_s = {"code": type(error).__name__}, 0, 0.0
        code = str(found.get("code", "")) if isinstance(found, dict) and status not in range(200, 300) else ""
        named = what or f"{method} {path.partition('?')[0]}"
        self.samples.add(kind, perf_counter() - began_s, status, wanted=wanted, what=named, code=code)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            await asyncio.sleep(min(wait_s, _PAUSE_S))
            return None
        return found

    async def get(self, path: str) -> Any:  # noqa: ANN401 - as above
        """Send a GET, and a bare table read beside it. Return the JSON of the former."""
        what = _IDS.sub(r"\1/{id}", path.partition("?")[0])
        found, _ = await asyncio.gather(self.call("GET", path, kind=GET, what=what), self._read_row())
        return found

    async def tick(self) -> None:
        """Let the timer of the schedule fire, as an operator can in Azure."""
        url = f"{self._stack['host']}/admin/functions/schedule"
        async with self._api.post(url, json={"input": ""}) as answer:
            answer.raise_for_status()

    async def _read_row(self) -> None:
        began_s = perf_counter()
        async with self._tables.get(self._row, headers={"Accept": "application/json;odata=nometadata"}) as answer:
            await answer.read()
            answer.raise_for_status()
        self.samples.latencies_s.setdefault(BARE, []).append(perf_counter() - began_s)


def _create_row(connection: str) -> str:
    """Create a row in a table of its own, and return the address that reads it."""
    with TableServiceClient.from_connection_string(connection) as service:
        service.create_table(_TABLE).create_entity({"PartitionKey": "one", "RowKey": "row", "text": "x" * 200})
        parts = dict(part.split("=", 1) for part in connection.split(";") if part)
        signature = generate_account_sas(
            AzureNamedKeyCredential(parts["AccountName"], parts["AccountKey"]),
            ResourceTypes(object=True),
            AccountSasPermissions(read=True),
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )
        address = service.url.partition("?")[0].rstrip("/")
    return f"{address}/{_TABLE}(PartitionKey='one',RowKey='row')?{signature}"
