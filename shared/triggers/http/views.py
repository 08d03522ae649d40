"""What routes answer, as types: the JSON that is encoded and the schema that is published are of one piece."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Self

import msgspec
from msgspec import UNSET, UnsetType

from shared.domain.access.sso_users import ProductUser, SsoUser
from shared.domain.connections.connection import Cloud, CredentialKind
from shared.domain.connections.connection_health import Reason
from shared.domain.connections.validation_report import Report
from shared.domain.directory import Group
from shared.domain.ids import ImportId, LocationId, ObjectId, RecipientId, RunId, TenantId
from shared.domain.imports.csv_file import RowProblem
from shared.domain.imports.large_import import Import, ImportState, Outcome
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.group_mapping import GroupMapping, Location
from shared.domain.preferences.location_rule import AttributeValue
from shared.domain.problem import Problem
from shared.domain.recipient import Counts, Origin, Recipient, Status
from shared.domain.run import HeldDecision, LocationReport, Run, RunKind, RunMode, RunState
from shared.ports import LedgerEntry, RunProgress, TenantSummary
from shared.workflows.connections.show_mapping import MappedLocation
from shared.workflows.imports.small_import import ImportReport
from shared.workflows.operations.overview import TenantLine
from shared.workflows.operations.queries import LocatedChange

Text = str | UnsetType | None


class View(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Anything that is answered."""


class Page(View, frozen=True, kw_only=True):
    """A page of a long list."""

    #: Leads to the next page; null at the end.
    cursor: str | None


class HealthView(View, frozen=True, kw_only=True):
    """Whether the app has what it needs to start."""

    status: Literal["ok"]


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


class TenantsView(Page, frozen=True, kw_only=True):
    """Tenants, by id."""

    tenants: Sequence[TenantSummary]


class OverviewView(Page, frozen=True, kw_only=True):
    """Every tenant on one line."""

    tenants: Sequence[TenantLine]


class LocationsView(View, frozen=True, kw_only=True):
    """All locations of a tenant."""

    locations: Sequence[Location]


class MappingView(View, frozen=True, kw_only=True):
    """The groups that are mapped to a location."""

    groups: Sequence[GroupMapping]


class MappedView(View, frozen=True, kw_only=True):
    """Every location's groups by name."""

    locations: Sequence[MappedLocation]


class AttributeValuesView(View, frozen=True, kw_only=True):
    """The values that people have in an attribute."""

    values: Sequence[AttributeValue]


class FilterTestView(View, frozen=True, kw_only=True):
    """Whether an address passes a filter."""

    passes: bool


class GroupsView(View, frozen=True, kw_only=True):
    """Groups of the directory."""

    groups: Sequence[Group]


class SsoUsersView(View, frozen=True, kw_only=True):
    """Who may sign in."""

    users: Sequence[SsoUser]


class UsersView(View, frozen=True, kw_only=True):
    """Users of the product."""

    users: Sequence[ProductUser]


class ChangesView(Page, frozen=True, kw_only=True):
    """Changes of a run."""

    changes: Sequence[LocatedChange]


class EntryView(View, frozen=True, kw_only=True):
    """Something that needs the operator's eye."""

    id: str
    at: datetime
    queue: str
    code: str
    detail: str
    body: str
    tenant: TenantId | None
    run: RunId | None
    #: When and by whom the message was put back on its queue.
    replayed_at: datetime | None
    replayed_by: str | None

    @classmethod
    def of(cls, entry: LedgerEntry) -> Self:
        """Return an entry as the API shows it."""
        return cls(
            id=entry.id,
            at=entry.at,
            queue=entry.queue,
            code=entry.code,
            detail=entry.detail,
            body=entry.body,
            tenant=entry.tenant,
            run=entry.run,
            replayed_at=entry.replayed_at,
            replayed_by=entry.replayed_by,
        )


class LedgerView(Page, frozen=True, kw_only=True):
    """What needs the operator's eye, newest first."""

    entries: Sequence[EntryView]


class RunView(View, frozen=True, kw_only=True):
    """A run."""

    id: RunId
    tenant: TenantId
    mode: RunMode
    kind: RunKind
    preview: bool
    undoes: RunId | None
    state: RunState
    requested_at: datetime
    requested_by: str
    finished_at: datetime | None
    seconds: float | None
    counts: Counts
    locations: dict[LocationId, LocationReport]
    problems: tuple[Problem, ...]
    held_digest: str | None
    decision: HeldDecision | None
    graph_requests: int
    storage_requests: int
    progress: RunProgress | None

    @classmethod
    def of(cls, run: Run, progress: RunProgress | None = None) -> Self:
        """Return a run as the API shows it."""
        return cls(
            id=run.id,
            tenant=run.tenant,
            mode=run.mode,
            kind=run.kind,
            preview=run.preview,
            undoes=run.undoes,
            state=run.state,
            requested_at=run.requested_at,
            requested_by=run.requested_by,
            finished_at=run.finished_at,
            seconds=(run.finished_at - run.requested_at).total_seconds() if run.finished_at else None,
            counts=run.counts,
            locations=run.locations,
            problems=run.problems,
            held_digest=run.held_digest,
            decision=run.decision,
            graph_requests=run.graph_requests,
            storage_requests=run.storage_requests,
            progress=progress,
        )


class RunsView(Page, frozen=True, kw_only=True):
    """The history, newest first."""

    runs: Sequence[RunView]


class RowView(View, frozen=True, kw_only=True):
    """What is wrong with a row of a file, or why it was not applied."""

    line: int
    code: str
    detail: str

    @classmethod
    def of(cls, row: RowProblem) -> Self:
        """Return what the API shows of a row."""
        return cls(line=row.line, code=row.code, detail=row.detail)


class ImportView(View, frozen=True, kw_only=True):
    """What an import did, or would do."""

    rows: int
    counts: Counts
    unchanged: int
    refused: Sequence[RowView]
    refused_rows: int
    held: int
    held_digest: str | None
    run: RunView | None

    @classmethod
    def of(cls, report: ImportReport) -> Self:
        """Return a report as the API shows it."""
        return cls(
            rows=report.rows,
            counts=report.counts,
            unchanged=report.unchanged,
            refused=[RowView.of(each) for each in report.refused],
            refused_rows=report.refused_rows,
            held=report.held,
            held_digest=report.held_digest,
            run=RunView.of(report.run) if report.run else None,
        )


class LargeImportView(View, frozen=True, kw_only=True):
    """Where an import of a large file is, and what became of its rows once it has ended."""

    id: ImportId
    location: LocationId
    mode: ImportMode
    state: ImportState
    requested_by: str
    at: datetime
    run: RunId | None
    problem: Problem | None
    rows: int
    unchanged: int
    refused_rows: int
    problems: Sequence[RowView]
    held: int
    held_digest: str | None
    #: Bytes of each part that has arrived, by its number; not told of one that was just begun.
    received: dict[str, int] | UnsetType = UNSET

    @classmethod
    def of(cls, found: Import, sizes: Mapping[int, int] | None = None) -> Self:
        """Return an import as the API shows it; what came of one that has not ended is not known yet."""
        outcome = found.outcome if found.outcome is not None and found.state.ended else None
        known = outcome or Outcome(state=found.state)
        return cls(
            id=found.id,
            location=found.location,
            mode=found.mode,
            state=found.state,
            requested_by=found.by,
            at=found.at,
            run=found.run,
            problem=known.problem,
            rows=known.rows,
            unchanged=known.unchanged,
            refused_rows=known.refused_rows,
            problems=[RowView.of(each) for each in known.problems],
            held=known.held,
            held_digest=known.held_digest,
            received=UNSET if sizes is None else {str(number): size for number, size in sorted(sizes.items())},
        )


class PartView(View, frozen=True, kw_only=True):
    """A part of a file that has arrived."""

    number: int
    bytes: int


class RecipientView(View, frozen=True, kw_only=True):
    """A recipient; what is not known about the person is left out."""

    id: RecipientId
    #: For `If-Match`.
    etag: str
    origin: Origin
    status: Status
    object_id: ObjectId | None
    reason: str | None
    #: The mapped groups that put the person here; of one who has left, those that did so last.
    groups: Sequence[ObjectId]
    display_name: Text = UNSET
    given_name: Text = UNSET
    surname: Text = UNSET
    mail: Text = UNSET
    mobile_phone: Text = UNSET
    business_phone: Text = UNSET
    department: Text = UNSET
    job_title: Text = UNSET
    office_location: Text = UNSET
    employee_id: Text = UNSET
    employee_type: Text = UNSET
    company_name: Text = UNSET
    manager_name: Text = UNSET
    manager_mail: Text = UNSET
    aliases: Sequence[str] | UnsetType = UNSET

    @classmethod
    def of(cls, recipient: Recipient) -> Self:
        """Return a recipient as the API shows it."""
        known = {name: value for name, value in msgspec.structs.asdict(recipient.profile).items() if value}
        return cls(
            id=recipient.id,
            etag=f'"{recipient.tag()}"',
            origin=recipient.origin,
            status=recipient.status,
            object_id=recipient.object_id,
            reason=recipient.reason,
            groups=recipient.groups,
            **known,
        )


class RecipientsView(Page, frozen=True, kw_only=True):
    """Recipients of a location."""

    recipients: Sequence[RecipientView]


class SsoView(View, frozen=True, kw_only=True):
    """The sign-in application."""

    client_id: ObjectId
    object_id: ObjectId | None


class ConnectionView(View, frozen=True, kw_only=True):
    """A connection without its secret; just its state while it is off."""

    state: Literal["off", "on", "failing", "needs attention"]
    reason: Reason | UnsetType | None = UNSET
    since: datetime | UnsetType | None = UNSET
    retry_at: datetime | UnsetType | None = UNSET
    tenant_id: ObjectId | UnsetType = UNSET
    client_id: ObjectId | UnsetType = UNSET
    object_id: ObjectId | UnsetType = UNSET
    credential: CredentialKind | UnsetType = UNSET
    cloud: Cloud | UnsetType = UNSET
    login_endpoint: str | UnsetType = UNSET
    graph_endpoint: str | UnsetType = UNSET
    connected_at: datetime | UnsetType = UNSET
    secret_expires_on: datetime | UnsetType | None = UNSET
    secret_days_left: int | UnsetType | None = UNSET
    #: Of a PUT: what was checked.
    report: Report | UnsetType = UNSET


class OffView(View, frozen=True, kw_only=True):
    """What is left and what is gone once a connection is off."""

    state: Literal["off"]
    erased: tuple[str, ...]
    kept: tuple[str, ...]
    detail: str
