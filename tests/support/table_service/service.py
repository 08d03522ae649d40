"""Request handling of the service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, quote, unquote

import msgspec

from tests.support.table_service import batches, limits, queries
from tests.support.table_service.faults import Refusal, bad_request, not_found
from tests.support.table_service.partitions import Account, FailedOperation, Operation
from tests.support.table_service.rates import Rates
from tests.support.table_service.values import Row, shown

_JSON: Final = "application/json;odata=minimalmetadata;streaming=true;charset=utf-8"


class Request(NamedTuple):
    """One HTTP request. Header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """One HTTP response, and the seconds by which it is delayed."""

    status: int
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""
    wait_s: float = 0.0


@dataclass(slots=True)
class Service:
    """The Table service: an account and its enforced limits."""

    rates: Rates | None = None
    #: Whether the documented sizes are enforced.
    enforce_sizes: bool = False
    account: Account = field(default_factory=Account)
    #: Number of requests so far, and of rows they changed.
    requests: int = 0
    rows: int = 0

    def answer(self, request: Request) -> Answer:
        """Return the response to a request."""
        self.requests += 1
        try:
            return self._answer(request)
        except Refusal as refusal:
            headers = {"Content-Type": "application/json", "x-ms-error-code": refusal.code}
            return Answer(refusal.status, headers, refusal.body())
        except FailedOperation as failed:
            headers = {"Content-Type": "application/json", "x-ms-error-code": failed.refusal.code}
            return Answer(failed.refusal.status, headers, failed.refusal.body())

    def _answer(self, request: Request) -> Answer:
        if self.enforce_sizes:
            limits.require_body(len(request.body))
        last = request.path.rpartition("/")[2]
        if last == "$batch":
            return self._batch(request)
        if last.startswith("Tables"):
            return self._tables(request, last)
        if request.method == "GET":
            return self._read(request)
        table, operation = batches.operation(
            request.method, request.path, request.headers.get("if-match"), request.body
        )
        row, wait_s = self._change(table, [operation])
        if row[0] is None:
            return Answer(204, wait_s=wait_s)
        if operation.verb == "POST" and request.headers.get("prefer") != "return-no-content":
            body = msgspec.json.encode(shown(row[0], None, metadata=True))
            return Answer(201, {"ETag": row[0].etag, "Content-Type": _JSON}, body, wait_s)
        return Answer(204, {"ETag": row[0].etag}, wait_s=wait_s)

    def _change(self, table: str, operations: list[Operation]) -> tuple[list[Row | None], float]:
        if self.enforce_sizes:
            limits.require(operations)
        wait_s = 0.0
        if self.rates is not None:
            wait_s = self.rates.wait_s(f"{table} {operations[0].partition}", len(operations))
        rows = self.account.change(table, operations)
        self.rows += len(rows)
        return rows, wait_s

    def _batch(self, request: Request) -> Answer:
        headers = {"Content-Type": batches.ANSWER_TYPE}
        try:
            rows, wait_s = self._change(*batches.parse(request.body))
        except FailedOperation as failed:
            return Answer(202, headers, batches.failure(failed))
        return Answer(202, headers, batches.success(rows), wait_s)

    def _tables(self, request: Request, last: str) -> Answer:
        if request.method == "DELETE":
            name = last.removeprefix("Tables('").removesuffix("')")
            self.account.table(name)
            del self.account.tables[name]
            return Answer(204)
        if request.method != "POST":
            raise bad_request("NotImplemented", "tables cannot be listed here")
        name = str(msgspec.json.decode(request.body)["TableName"])
        if name in self.account.tables:
            raise Refusal(HTTPStatus.CONFLICT, "TableAlreadyExists")
        self.account.tables[name] = {}
        return Answer(201, {"Content-Type": _JSON}, msgspec.json.encode({"TableName": name}))

    def _read(self, request: Request) -> Answer:
        table, keys = batches.addressed(request.path)
        partitions = self.account.table(table)
        metadata = "nometadata" not in request.headers.get("accept", "")
        words = {name: values[0] for name, values in parse_qs(request.query).items()}
        select = words["$select"].split(",") if "$select" in words else None
        if keys is not None:
            partition = partitions.get(keys[0])
            row = None if partition is None else partition.rows.get(keys[1])
            if row is None:
                raise not_found()
            body = shown(row, select, metadata=metadata)
            return Answer(200, {"ETag": row.etag, "Content-Type": _JSON}, msgspec.json.encode(body))
        start = (unquote(words.get("NextPartitionKey", "!")[1:]), unquote(words.get("NextRowKey", "!")[1:]))
        limit = min(int(words.get("$top", queries.PAGE_ROWS)), queries.PAGE_ROWS)
        found = queries.page(partitions, queries.parse(words.get("$filter", "")), start, limit)
        rows = [shown(row, select, metadata=metadata) for row in found.rows]
        answer: dict[str, Any] = {"odata.metadata": f"$metadata#{table}"} if metadata else {}
        headers = {"Content-Type": _JSON}
        if found.following is not None:
            for name, key in zip(("NextPartitionKey", "NextRowKey"), found.following, strict=True):
                headers[f"x-ms-continuation-{name}"] = "!" + quote(key, safe="")
        return Answer(200, headers, msgspec.json.encode({**answer, "value": rows}))
