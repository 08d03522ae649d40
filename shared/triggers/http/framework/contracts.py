"""What each route takes and answers, said next to its handler; OpenAPI is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of the query."""

    name: str
    about: str
    #: As JSON Schema has it.
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What a route takes and answers, besides what all of them do."""

    #: The type of the JSON of each successful answer; None for no content.
    answers: Mapping[HTTPStatus, Any] = field(default_factory=lambda: {HTTPStatus.OK: dict[str, Any]})
    #: The type of the JSON that it takes, None if it takes none.
    body: Any = None
    body_required: bool = True
    #: Whether it takes, or on demand answers, `text/csv`.
    takes_csv: bool = False
    answers_csv: bool = False
    query: tuple[Parameter, ...] = ()
    #: Whether its answer has an ETag; whether it looks at If-Match and If-None-Match; whether at Idempotency-Key.
    tagged: bool = False
    conditional: bool = False
    repeatable: bool = False
    #: Whether the answer says where to find what was made.
    located: bool = False
    #: Codes of problems beside those that every route has, by status.
    problems: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


def answers(kind: Any, status: HTTPStatus = HTTPStatus.OK) -> Mapping[HTTPStatus, Any]:  # noqa: ANN401 - any type
    """Return what a route with one successful answer answers."""
    return {status: kind}


def one_of(name: str, about: str, words: type[StrEnum], *, reversible: bool = False) -> Parameter:
    """Return a parameter that is one of some words, if `reversible` also with `-` before it."""
    values = [each.value for each in words]
    return Parameter(
        name=name,
        about=about,
        schema={"type": "string", "enum": [*values, *(f"-{each}" for each in values if reversible)]},
    )


def paged(default: int = 100) -> tuple[Parameter, Parameter]:
    """Return the parameters of a long list."""
    return (
        Parameter(
            name="limit",
            about="How many items to answer.",
            schema={"type": "integer", "minimum": 1, "maximum": 1_000, "default": default},
        ),
        Parameter(name="cursor", about="The `cursor` of the answer before; of this very list."),
    )


NO_CONTENT: Final = answers(None, HTTPStatus.NO_CONTENT)
#: Codes that several routes share.
NO_TENANT: Final = {404: ("tenant_not_found",)}
NO_LOCATION: Final = {404: ("tenant_not_found", "location_not_found")}
NO_RUN: Final = {404: ("tenant_not_found", "run_not_found")}
#: Of routes that read the directory at once.
READS_DIRECTORY: Final = {404: ("tenant_not_found", "not_connected"), 422: ("AADSTS…", "Authorization_RequestDenied")}
