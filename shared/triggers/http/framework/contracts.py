"""Contracts: what a route accepts and returns, declared beside its handler. OpenAPI is generated from them."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

import msgspec

from shared.domain.access.rate_limit import Expense
from shared.domain.connections.providers import DIRECTORY_CODES
from shared.triggers.http.framework.requests import Request


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A query parameter."""

    name: str
    about: str
    #: Its type, as JSON Schema.
    schema: Mapping[str, Any] = msgspec.field(default_factory=lambda: {"type": "string"})
    required: bool = False


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """What a route accepts and returns, in addition to what all routes share."""

    #: JSON type of each successful response; None for no content.
    answers: Mapping[HTTPStatus, Any] = msgspec.field(default_factory=lambda: {HTTPStatus.OK: dict[str, Any]})
    #: JSON type of the request body; None without a body.
    body: Any = None
    #: Whether it accepts `text/csv`, and whether it can return it.
    takes_csv: bool = False
    answers_csv: bool = False
    query: tuple[Parameter, ...] = ()
    #: Whether the response has an ETag, and whether If-Match, If-None-Match and Idempotency-Key are supported.
    tagged: bool = False
    conditional: bool = False
    repeatable: bool = False
    #: Whether the response has a Location header.
    located: bool = False
    #: Which allowance a request uses, or a function that tells it from the request.
    expense: Expense | Callable[[Request], Expense] = Expense.OTHER
    #: Error codes by status, in addition to those that all routes share.
    problems: Mapping[int, tuple[str, ...]] = msgspec.field(default_factory=dict)

    def expense_of(self, request: Request) -> Expense:
        """Return which allowance a request uses."""
        return self.expense if isinstance(self.expense, Expense) else self.expense(request)


def answers(kind: Any, status: HTTPStatus = HTTPStatus.OK) -> Mapping[HTTPStatus, Any]:  # noqa: ANN401 - any type
    """Return the responses of a route with a single successful status."""
    return {status: kind}


def one_of(name: str, about: str, words: type[StrEnum], *, reversible: bool = False) -> Parameter:
    """Return a parameter with a fixed set of values, if `reversible` also with a leading `-`."""
    values = [word.value for word in words]
    return Parameter(
        name=name,
        about=about,
        schema={"type": "string", "enum": [*values, *(f"-{value}" for value in values if reversible)]},
    )


def paged(default: int = 100) -> tuple[Parameter, Parameter]:
    """Return the paging parameters of a list."""
    return (
        Parameter(
            name="limit",
            about="Maximum number of items to return.",
            schema={"type": "integer", "minimum": 1, "maximum": 1_000, "default": default},
        ),
        Parameter(name="cursor", about="The `cursor` of the previous page of the same list."),
    )


NO_CONTENT: Final = answers(None, HTTPStatus.NO_CONTENT)
#: Error codes that several routes share.
NO_TENANT: Final = {404: ("tenant_not_found",)}
NO_LOCATION: Final = {404: ("tenant_not_found", "location_not_found")}
NO_RUN: Final = {404: ("tenant_not_found", "run_not_found")}
#: Error codes of routes that read the directory while the caller waits.
READS_DIRECTORY: Final = {404: ("tenant_not_found", "not_connected"), 422: DIRECTORY_CODES}
