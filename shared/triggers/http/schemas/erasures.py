"""Erasures of people."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Self

from shared.domain.erasure.erasure import ErasureState
from shared.triggers.http.schemas.base import View
from shared.workflows.operations.erase_person import ErasureReport


class ElsewhereView(View, frozen=True, kw_only=True):
    """A place that the app cannot erase."""

    place: str
    #: Until when something can be there; null if nothing is, or if it is not known.
    until: datetime | None
    detail: str


class ErasureView(View, frozen=True, kw_only=True):
    """The erasure of one person."""

    id: str
    state: ErasureState
    at: datetime
    ended_at: datetime | None
    by: str
    #: Number of recipients and rows that were erased or changed, by table.
    erased: Mapping[str, int]
    elsewhere: Sequence[ElsewhereView]
    #: Whether a directory is connected: the next sync brings the person back who is still in what it reads.
    returns: bool

    @classmethod
    def of(cls, report: ErasureReport) -> Self:
        """Create the view of an erasure."""
        erasure = report.erasure
        elsewhere = [ElsewhereView(place=part.place, until=part.until, detail=part.detail) for part in report.elsewhere]
        return cls(
            id=erasure.id,
            state=erasure.state,
            at=erasure.at,
            ended_at=erasure.ended_at,
            by=erasure.by,
            erased=erasure.erased,
            elsewhere=elsewhere,
            returns=report.returns,
        )
