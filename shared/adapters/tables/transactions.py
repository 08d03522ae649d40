"""Entity group transactions: up to 100 operations on one partition, as multipart request and response.

Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
"""

import json
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import msgspec
from azure.core.exceptions import DecodeError, HttpResponseError
from azure.data.tables import RequestTooLargeError, TableTransactionError

from shared.adapters.tables.edm import EncodedRow, encode
from shared.adapters.tables.limits import require_batch_bytes, require_count, require_entity, require_key, require_keys
from shared.adapters.tables.pipeline import failed
from shared.adapters.tables.versions import etag_of

#: Multipart boundaries. Azurite recognises them only by the prefixes `batch_` and `changeset_`.
_BATCH: Final = "batch_recipients"
_CHANGESET: Final = "changeset_recipients"
HEADERS: Final = {"Content-Type": f"multipart/mixed; boundary={_BATCH}", "Accept": "application/json"}
_OPEN: Final = f"--{_BATCH}\r\nContent-Type: multipart/mixed; boundary={_CHANGESET}\r\n\r\n"
_PART: Final = f"--{_CHANGESET}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
_JSON: Final = "Accept: application/json;odata=nometadata\r\nContent-Type: application/json\r\n"
_CLOSE: Final = f"--{_CHANGESET}--\r\n--{_BATCH}--\r\n".encode()
#: JSON up to this size, in bytes, cannot exceed a size limit: a byte of it is at most two bytes in UTF-16.
_SURELY_SMALL: Final = 32 * 1024
#: Rows with up to this number of properties cannot exceed the limit of their number.
_FEW: Final = 200
#: Response to one operation: its status, and its headers up to the empty line.
_ANSWER: Final = re.compile(rb"\r\nHTTP/1\.[01] (\d{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")
#: Keys in which only the colon must be quoted.
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~:-]*")
_ETAG: Final = re.compile(rb"(?i:etag): *([^\r\n]+)")
_END: Final = re.compile(rb"--[^\r\n]+--\s*\Z")
#: Number of bytes at the end of a response in which the last boundary must be; a boundary has up to 70 characters.
#: Source: https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1
_LAST: Final = 128
#: Start of the response to any operation.
_ANY: Final = b"\r\nHTTP/1."
#: Start of the response to a successful operation; only errors have a body.
_DONE: Final = b"\r\nHTTP/1.1 204 "


def compose(url: str, table: str, operations: Sequence[Any]) -> bytes:
    """Return the body of a transaction's request.

    Raises:
        TooLarge: if an entity or the request exceeds a size limit.
        Rejected: if the batch violates another limit of Table Storage.

    """
    require_count(len(operations))
    first = operations[0][1]
    partition = first.partition if isinstance(first, EncodedRow) else str(first["PartitionKey"])
    require_key("PartitionKey", partition)
    keys: list[str] = []
    insert = f"{_PART}POST {url}/{table} HTTP/1.1\r\nPrefer: return-no-content\r\n{_JSON}\r\n".encode()
    address = f"{url}/{table}(PartitionKey='{quoted(partition)}',RowKey='"
    pieces = [_OPEN.encode()]
    for kind, entity, *options in operations:
        if isinstance(entity, EncodedRow):
            key, content = entity.key, entity.content
            if len(content) > _SURELY_SMALL:
                require_entity(json.loads(content))
        else:
            key, content = entity["RowKey"], b"" if kind == "delete" else encode(entity)
            if len(content) > _SURELY_SMALL or len(entity) > _FEW:
                require_entity(entity)
        keys.append(key)
        if kind == "create":
            pieces += (insert, content, b"\r\n")
        else:
            head = _head(kind, f"{address}{quoted(key)}')", options[0] if options else {})
            pieces += (head.encode(), content, b"\r\n")
    require_keys("RowKey", keys)
    pieces.append(_CLOSE)
    body = b"".join(pieces)
    require_batch_bytes(len(body))
    return body


def quoted(key: str) -> str:
    """Return a key as quoted in a URL, without the surrounding apostrophes."""
    if _PLAIN.fullmatch(key):  # nearly all keys; `quote` takes ten times as long
        return key.replace(":", "%3A")
    return quote(key.replace("'", "''"), safe="", errors="surrogatepass")


def _head(kind: str, address: str, options: Mapping[str, Any]) -> str:
    """Return the head of an operation, before its content. Only the operations that the stores use are supported."""
    match kind, options.get("mode"):
        case "delete", None:
            version = etag_of(options.get("etag", "*"))
            return f"{_PART}DELETE {address} HTTP/1.1\r\nIf-Match: {version}\r\n{_JSON}\r\n"
        case "upsert", "replace":
            return f"{_PART}PUT {address} HTTP/1.1\r\n{_JSON}\r\n"
        case "update", "replace":
            return f"{_PART}PUT {address} HTTP/1.1\r\nIf-Match: {etag_of(options['etag'])}\r\n{_JSON}\r\n"
    raise NotImplementedError(f"{kind} with {options}")


def require_done(response: Any, operations: int) -> str:  # noqa: ANN401 - the SDK's response
    """Verify that all operations of a transaction succeeded. Return the ETag of the first one, empty if it has none.

    Raises:
        RequestTooLargeError: if the request or an operation is too large.
        TableTransactionError: if an operation failed; it contains the error of that operation.
        HttpResponseError: if the request failed as a whole.
        DecodeError: if the response is malformed or incomplete.

    """
    if response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        raise failed(RequestTooLargeError, response)
    if response.status_code != HTTPStatus.ACCEPTED:
        raise failed(HttpResponseError, response)
    content: bytes = response.content
    first = _ANSWER.search(content)
    if (
        content.count(_DONE) != operations or content.count(_ANY) != operations
    ):  # rare: examine the responses one by one
        answers = _ANSWER.findall(content)
        if failures := [index for index, (status, _) in enumerate(answers) if not status.startswith(b"2")]:
            raise _refusal(content, failures[0])
        if len(answers) != operations:
            first = None
    if first is None or not _END.search(content, max(0, len(content) - _LAST)):
        raise DecodeError("the response to a transaction is incomplete", response=response)
    etag = _ETAG.search(first[2])
    return etag[1].decode() if etag else ""


class _Part(msgspec.Struct, frozen=True):
    """Response to one operation, with the attributes that the SDK's errors read."""

    status_code: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def reason(self) -> str:
        return HTTPStatus(self.status_code).phrase if self.status_code in set(HTTPStatus) else "unknown"

    def text(self) -> str:
        return self.body.decode(errors="replace")


def _refusal(content: bytes, index: int) -> HttpResponseError:
    """Create the error of the operation that failed, by the index of its response."""
    answer = list(_ANSWER.finditer(content))[index]
    lines = [line.decode("latin-1").partition(":") for line in answer[2].split(b"\r\n") if line]
    body = content[answer.end() :].split(b"\r\n--", 1)[0]
    part = _Part(int(answer[1]), {name.title(): value.strip() for name, _, value in lines}, body)
    too_large = part.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return failed(RequestTooLargeError if too_large else TableTransactionError, part)
