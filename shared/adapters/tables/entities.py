"""Requests for a single entity: path, headers and response.

Source: https://learn.microsoft.com/rest/api/storageservices/operations-on-entities
"""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from azure.core.exceptions import DecodeError, HttpResponseError

from shared.adapters.tables.edm import Row, row_of
from shared.adapters.tables.pipeline import failed
from shared.adapters.tables.queries import FULL
from shared.adapters.tables.transactions import quoted

READ: Final = {"Accept": FULL}
_WRITE: Final = {"Accept": FULL, "Content-Type": "application/json", "Prefer": "return-no-content"}
_DECODER: Final = msgspec.json.Decoder(dict[str, Any])


def address(table: str, partition: str, row: str) -> str:
    """Return the path of an entity."""
    return f"{table}(PartitionKey='{quoted(partition)}',RowKey='{quoted(row)}')"


def headers(etag: str | None) -> dict[str, str]:
    """Return the headers of a write. With an ETag, the write requires that the entity has it."""
    return _WRITE if etag is None else {**_WRITE, "If-Match": etag}


def read(response: Any) -> Row:  # noqa: ANN401 - the SDK's response
    """Return the entity of a response. Raises HttpResponseError, or DecodeError if the body is malformed."""
    if response.status_code != HTTPStatus.OK:
        raise failed(HttpResponseError, response)
    try:
        return row_of(_DECODER.decode(response.content))
    except msgspec.DecodeError as error:
        raise DecodeError("the response is not a row", response=response) from error


def written(response: Any) -> str:  # noqa: ANN401 - as above
    """Return the ETag of a written entity. Raises HttpResponseError if the write failed."""
    if response.status_code != HTTPStatus.NO_CONTENT:
        raise failed(HttpResponseError, response)
    return str(response.headers["etag"])
