"""What all answers are made of."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from shared.domain.connections.validation_report import Report

Text = str | UnsetType | None


class View(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Anything that is answered."""


class Page(View, frozen=True, kw_only=True):
    """A page of a long list."""

    #: Leads to the next page; null at the end.
    cursor: str | None


class ProblemView(View, frozen=True, kw_only=True):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    #: Stable.
    code: str
    detail: str
    #: What to do, where that is known.
    fix: str | UnsetType = UNSET
    report: Report | UnsetType = UNSET
    problems: list[dict[str, Any]] | UnsetType = UNSET
    correlation_id: str | UnsetType = UNSET
