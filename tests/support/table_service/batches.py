"""Entity group transactions: the multipart body of a request and of its response."""

import re
from typing import Final
from urllib.parse import unquote

import msgspec

from tests.support.table_service.faults import Refusal, bad_request
from tests.support.table_service.partitions import FailedOperation, Operation
from tests.support.table_service.values import Row

MAX_OPERATIONS: Final = 100
_BOUNDARY: Final = re.compile(rb"boundary=\"?(changeset_[^\s\";]+)", re.IGNORECASE)
_MATCH: Final = re.compile(rb"\r\nIf-Match: *([^\r\n]+)", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"/([A-Za-z][A-Za-z0-9]{2,62})(?:\((.*)\))?$")
_KEYS: Final = re.compile(r"PartitionKey='((?:[^']|'')*)',RowKey='((?:[^']|'')*)'$")
_HEAD: Final = "--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n"
_PART: Final = "--changesetresponse_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
_TAIL: Final = "--changesetresponse_1--\r\n--batchresponse_1--\r\n"

ANSWER_TYPE: Final = "multipart/mixed; boundary=batchresponse_1"


class _Keys(msgspec.Struct):
    partition: str = msgspec.field(name="PartitionKey")
    row: str = msgspec.field(name="RowKey")


_KEYS_DECODER: Final = msgspec.json.Decoder(_Keys)


def addressed(path: str) -> tuple[str, tuple[str, str] | None]:
    """Return the table and the keys in a path. Raises Refusal if it has none."""
    found = _ADDRESS.search(unquote(path))
    if found is None:
        raise bad_request("InvalidUri")
    table, inside = found.groups()
    if not inside:
        return table, None
    keys = _KEYS.match(inside)
    if keys is None:
        raise bad_request("InvalidInput")
    return table, (keys[1].replace("''", "'"), keys[2].replace("''", "'"))


def operation(verb: str, path: str, match: str | None, body: bytes) -> tuple[str, Operation]:
    """Return the table and the operation of a request. Raises Refusal if it is not valid."""
    table, keys = addressed(path)
    if verb == "MERGE":
        verb = "PATCH"
    if keys is None:
        try:
            found = _KEYS_DECODER.decode(body)
        except msgspec.DecodeError as error:
            raise bad_request("PropertiesNeedValue", str(error)) from error
        return table, Operation("POST", found.partition, found.row, None, body)
    return table, Operation(verb, *keys, match, body)


def parse(body: bytes) -> tuple[str, list[Operation]]:
    """Return the table and the operations of a batch.

    Raises:
        Refusal: The body is not a batch.
        FailedOperation: An operation is not valid.
    """
    found = _BOUNDARY.search(body)
    if found is None:
        raise bad_request("InvalidInput", "there is no changeset")
    parts = body.split(b"--" + found[1])[1:-1]
    if not 1 <= len(parts) <= MAX_OPERATIONS:
        raise bad_request("InvalidInput", f"{len(parts)} operations")
    tables = set()
    operations = []
    for index, part in enumerate(parts):
        _, _, request = part.partition(b"\r\n\r\n")
        head, _, content = request.partition(b"\r\n\r\n")
        line, _, _ = head.partition(b"\r\n")
        verb, path, _ = line.decode().split(" ")
        match = _MATCH.search(head)
        try:
            table, each = operation(verb, path, match[1].decode() if match else None, content.removesuffix(b"\r\n"))
        except Refusal as refusal:
            raise FailedOperation(index, refusal) from refusal
        tables.add(table)
        operations.append(each)
    if len(tables) > 1:
        raise bad_request("InvalidInput", "several tables")
    return tables.pop(), operations


def success(rows: list[Row | None]) -> bytes:
    """Return the response to a batch that was applied."""
    lines = [_HEAD]
    for row in rows:
        etag = "" if row is None else f"ETag: {row.etag}\r\n"
        lines.append(f"{_PART}HTTP/1.1 204 No Content\r\nDataServiceVersion: 3.0;\r\n{etag}\r\n\r\n")
    return "".join((*lines, _TAIL)).encode()


def failure(failed: FailedOperation) -> bytes:
    """Return the response to a batch that was not applied."""
    refusal = failed.refusal
    head = f"HTTP/1.1 {refusal.status.value} {refusal.status.phrase}\r\nContent-Type: application/json\r\n\r\n"
    return f"{_HEAD}{_PART}{head}{refusal.body(failed.index).decode()}\r\n{_TAIL}".encode()
