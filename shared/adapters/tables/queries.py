"""Queries: what is asked for, as an address, and what comes back, page by page.

Source: https://learn.microsoft.com/rest/api/storageservices/query-entities
"""

from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

import msgspec
from azure.core.exceptions import DecodeError, HttpResponseError

from shared.adapters.tables.pipeline import Wire, failed
from shared.runtime.fair_scheduler import turn

T = TypeVar("T")
V = TypeVar("V")
S = TypeVar("S", bound=msgspec.Struct)
Range = tuple[str, str]

_CONTINUATION: Final = ("NextPartitionKey", "NextRowKey")


class Page(msgspec.Struct, Generic[V]):
    """One answer to a query."""

    value: list[V]


class Kind(Generic[S]):
    """How rows of one kind are read: the struct's fields, under their encoded names, are the columns asked for."""

    def __init__(self, struct: type[S]) -> None:
        self.struct = struct
        self.columns = struct.__struct_encode_fields__
        self.decoder: msgspec.json.Decoder[Page[S]] = msgspec.json.Decoder(Page[struct])  # type: ignore[valid-type]


#: With types and ETags, for whoever looks at rows one by one.
FULL: Final = "application/json;odata=minimalmetadata"
#: Bare values, for whoever knows the types.
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
    """Return a filter. Ranges are half open; `where` is constant text and stands as it is."""
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
    wire: Wire, table: str, decoder: msgspec.json.Decoder[T], *, accept: str, where: str, select: Sequence[str] | None
) -> AsyncIterator[T]:
    """Iterate over the pages of an answer, empty ones included. Raises: the SDK's errors.

    A page is complete, or it is none: what cannot be read is DecodeError.
    """
    words = {"$filter": where} if where else {}
    if select is not None:
        words["$select"] = ",".join(select)
    following: dict[str, str] = {}
    while True:
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in (words | following).items())
        response = await wire.send("GET", f"{table}()?{query}" if query else f"{table}()", {"Accept": accept})
        if response.status_code != HTTPStatus.OK:
            raise failed(HttpResponseError, response)
        try:
            async with turn():
                page = decoder.decode(response.content)
        except msgspec.DecodeError as error:
            raise DecodeError("the answer to a query is no page of rows", response=response) from error
        yield page
        following = {
            name: value
            for name in _CONTINUATION
            if (value := response.headers.get(f"x-ms-continuation-{name}")) is not None
        }
        if not following:
            return
