"""Queries: filters, and pages of results.

Source: https://learn.microsoft.com/rest/api/storageservices/query-entities
"""

from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

import msgspec
from azure.core.exceptions import DecodeError, HttpResponseError

from shared.adapters.tables.pipeline import Wire, failed
from shared.domain.schema_version import unreadable
from shared.runtime.fair_scheduler import cpu_slice

T = TypeVar("T")
V = TypeVar("V")
S = TypeVar("S", bound=msgspec.Struct)
Range = tuple[str, str]

_CONTINUATION: Final = ("NextPartitionKey", "NextRowKey")
#: Maximum number of rows of a page.
_MAX_ROWS: Final = 1_000


class Page(msgspec.Struct, Generic[V]):
    """One page of the result of a query."""

    value: list[V]


class Kind(Generic[S]):
    """Decoder of rows as a struct. The encoded names of the struct's fields are the columns to select."""

    def __init__(self, struct: type[S]) -> None:
        self.struct = struct
        self.columns = struct.__struct_encode_fields__
        self.decoder: msgspec.json.Decoder[Page[S]] = msgspec.json.Decoder(Page[struct])  # type: ignore[valid-type]


#: Media type with EDM types and ETags, for untyped rows.
FULL: Final = "application/json;odata=minimalmetadata"
#: Media type with bare values, for rows decoded as structs.
BARE: Final = "application/json;odata=nometadata"
UNTYPED: Final = msgspec.json.Decoder(Page[dict[str, Any]])


def condition(
    *,
    partition: str | None = None,
    partitions: Range | None = None,
    rows: Range | None = None,
    row: str | None = None,
    where: str | None = None,
) -> str:
    """Return a filter expression. Ranges are half-open. `where` is constant text, which is appended unchanged."""
    terms = [
        f"{name} ge {_literal(bounds[0])} and {name} lt {_literal(bounds[1])}"
        for name, bounds in (("PartitionKey", partitions), ("RowKey", rows))
        if bounds is not None
    ]
    terms += [
        f"{name} eq {_literal(value)}"
        for name, value in (("PartitionKey", partition), ("RowKey", row))
        if value is not None
    ]
    return " and ".join([*terms, where] if where is not None else terms)


def _literal(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


async def pages(
    wire: Wire,
    table: str,
    decoder: msgspec.json.Decoder[T],
    *,
    accept: str,
    where: str,
    select: Sequence[str] | None,
    first: int | None = None,
) -> AsyncIterator[T]:
    """Iterate over the pages of a query's result, including empty pages. `first` limits the rows of the first page.

    Raises the SDK's errors: DecodeError for a page that cannot be decoded, so that a partial page is never used; and
    Unreadable for a page with a row of another form.
    """
    parameters = {"$filter": where} if where else {}
    if select is not None:
        parameters["$select"] = ",".join(select)
    continuation = {"$top": str(min(first, _MAX_ROWS))} if first is not None else {}
    while True:
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in (parameters | continuation).items())
        response = await wire.send("GET", f"{table}()?{query}" if query else f"{table}()", {"Accept": accept})
        if response.status_code != HTTPStatus.OK:
            raise failed(HttpResponseError, response)
        try:
            async with cpu_slice():
                page = decoder.decode(response.content)
        except msgspec.DecodeError as error:
            if _is_page(response.content):
                raise unreadable("A stored row") from error
            raise DecodeError("the response to a query is not a page of rows", response=response) from error
        yield page
        continuation = {
            name: value
            for name in _CONTINUATION
            if (value := response.headers.get(f"x-ms-continuation-{name}")) is not None
        }
        if not continuation:
            return


def _is_page(content: bytes) -> bool:
    """Return whether a response is a page of any rows."""
    try:
        UNTYPED.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
