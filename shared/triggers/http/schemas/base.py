"""Base types of all responses."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from shared.domain.connections.validation_report import Report

Text = str | UnsetType | None


class View(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of all response types."""


class Page(View, frozen=True, kw_only=True):
    """One page of a list."""

    #: Cursor of the next page; null on the last page.
    cursor: str | None


class ProblemView(View, frozen=True, kw_only=True):
    """An error as problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    #: Stable; scripts can rely on it.
    code: str
    detail: str
    #: What the reader can do about it, if known.
    fix: str | UnsetType = UNSET
    report: Report | UnsetType = UNSET
    problems: list[dict[str, Any]] | UnsetType = UNSET
    correlation_id: str | UnsetType = UNSET
