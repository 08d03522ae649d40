"""Connections and directory groups."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import UNSET, UnsetType

from shared.domain.connections.connection_health import Reason
from shared.domain.connections.providers import ConnectionDetails
from shared.domain.connections.validation_report import Report
from shared.domain.directory import Group
from shared.domain.ids import ObjectId
from shared.triggers.http.schemas.base import View
from shared.workflows.connections.show_mapping import MappedLocation


class MappedView(View, frozen=True, kw_only=True):
    """The mapped groups of all locations."""

    locations: Sequence[MappedLocation]


class GroupsView(View, frozen=True, kw_only=True):
    """Groups of the directory."""

    groups: Sequence[Group]


class SsoView(View, frozen=True, kw_only=True):
    """The sign-in application."""

    client_id: ObjectId
    object_id: ObjectId | None


class ConnectionView(ConnectionDetails, frozen=True, kw_only=True):
    """A connection without its secret; only the state while it is off."""

    state: Literal["off", "on", "failing", "needs_attention"]
    reason: Reason | UnsetType | None = UNSET
    since: datetime | UnsetType | None = UNSET
    retry_at: datetime | UnsetType | None = UNSET
    connected_at: datetime | UnsetType = UNSET
    secret_expires_on: datetime | UnsetType | None = UNSET
    secret_days_left: int | UnsetType | None = UNSET
    #: The validation report, after connecting.
    report: Report | UnsetType = UNSET


class OffView(View, frozen=True, kw_only=True):
    """What was erased and what was kept when a connection was turned off."""

    state: Literal["off"]
    erased: tuple[str, ...]
    kept: tuple[str, ...]
    detail: str
