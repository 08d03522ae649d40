"""Values that the stores are asked to keep, and how each store is opened."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared.domain.connections.connection import Connection, SecretReference
from shared.domain.connections.entra.credentials import Cloud, CredentialKind
from shared.domain.directory import Source
from shared.domain.ids import (
    MAIN,
    ImportId,
    LocationId,
    ObjectId,
    RunId,
    SourceId,
    TenantId,
    new_run_id,
    recipient_id_of,
)
from shared.domain.imports.import_record import Import, ImportState
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Change, ChangeKind, Counts, Origin, Profile, Reason, Recipient, Status
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.fence import JournalEntry
from shared.domain.run import Plan, Run, RunMode, RunState
from shared.domain.sync.jobs import FetchOutcome, FetchResult, ReconcileResult
from shared.ports.imports import ImportStore
from shared.ports.operations import OperatorLog
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.snapshots import SnapshotStore
from shared.ports.tenants import ConnectionStore, SettingsStore, SyncStateStore, TenantStore
from shared.settings import Settings
from tests.support.builders import person, recipient_id_for
from tests.support.fakes.entra import ENDPOINTS, entra_connection

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
RUN = new_run_id(1_000_000, 1)
LOCATION = LocationId("lobby")


@dataclass(frozen=True, kw_only=True)
class Stores:
    """All stores of one deployment."""

    tenants: TenantStore
    connections: ConnectionStore
    settings: SettingsStore
    sync_states: SyncStateStore
    runs: RunStore
    snapshots: SnapshotStore
    recipients: RecipientStore
    operator_log: OperatorLog
    imports: ImportStore


def settings(connection_string: str) -> Settings:
    """Return the settings of a deployment on one storage account."""
    return Settings(
        storage_connection_string=connection_string,
        table_service_url=None,
        queue_service_url=None,
        managed_identity_client_id=None,
        key_vault_url="https://vault.example",
        default_endpoints=ENDPOINTS,
        allowed_endpoints=(),
        sign_in=None,
        watchdog_stale_after_s=900,
        run_deadline_s=21_600,
        job_budget_s=120,
    )


def object_ids(count: int) -> list[ObjectId]:
    """Return ids that look as random as real ones, and so compress as badly; the same at every call."""
    source = random.Random(2026)
    return [ObjectId(str(UUID(int=source.getrandbits(128), version=4))) for _ in range(count)]


def connection() -> Connection:
    """Return a connection in which every optional field is set."""
    return entra_connection(
        person(1),
        person(2),
        person(3),
        cloud=Cloud.USGOV,
        kind=CredentialKind.CERTIFICATE,
        secrets=SecretReference(name="secret-1", version="v1"),
        connected_at=NOW,
        secret_expires_on=NOW,
    )


def plan(tenant: TenantId, run: RunId = RUN, *, groups: int = 2, fencing_token: int = 1) -> Plan:
    """Return the plan of a run that reads some groups, each into the lobby."""
    sources = {source.id: source for source in (Source(group=id_) for id_ in object_ids(groups))}
    return Plan(
        tenant=tenant,
        run=run,
        fencing_token=fencing_token,
        config_version=1,
        mode=RunMode.FULL,
        preferences=Preferences(),
        sources=sources,
        locations={LOCATION: tuple(sorted(sources))},
        connection="a-fingerprint",
        created_at=NOW,
    )


def a_run(tenant: TenantId, run: RunId = RUN, *, state: RunState = RunState.PLANNING, at: datetime = NOW) -> Run:
    """Return a run."""
    return Run(id=run, tenant=tenant, mode=RunMode.FULL, state=state, requested_at=at, requested_by="api")


def an_import(tenant: TenantId, number: int = 1, location: LocationId = LOCATION) -> Import:
    """Return the n-th import of a tenant, to which nothing was sent yet."""
    return Import(
        tenant=tenant,
        location=location,
        id=ImportId(new_run_id(number, 1)),
        mode=ImportMode.MERGE,
        by="api",
        state=ImportState.UPLOADING,
        at=NOW,
    )


def fetched(source: str = "main:users", outcome: FetchOutcome = FetchOutcome.FAILED) -> FetchResult:
    """Return the result of a source."""
    return FetchResult(source=SourceId(source), outcome=outcome)


def reconciled(location: str = LOCATION, *, candidates: int = 0, active: int = 7) -> ReconcileResult:
    """Return the result of a location from which some people have gone."""
    return ReconcileResult(
        location=LocationId(location),
        counts=Counts(created=1, skipped=2),
        baseline=9,
        active=active,
        candidates=tuple(
            Candidate(recipient_id_of(MAIN, id_), id_, Reason.LEFT_GROUP) for id_ in object_ids(candidates)
        ),
    )


def recipient(number: int, **profile: Any) -> Recipient:  # noqa: ANN401 - any field of a profile
    """Return the n-th recipient as a first sync writes it."""
    said = Profile(display_name=f"User {number}", mail=f"user{number}@example.com", **profile)
    return Recipient(
        id=recipient_id_for(number),
        origin=Origin.DIRECTORY,
        status=Status.ACTIVE,
        profile=said,
        object_id=person(number),
        connection=MAIN,
        last_applied=said,
    )


def journal(*recipients: Recipient, run: RunId = RUN, kind: ChangeKind = ChangeKind.UPDATED) -> JournalEntry:
    """Return the journal of a batch that did one thing to all of them."""
    changes = tuple(
        Change(kind=kind, reason=Reason.NEW, recipient=recipient.id, object_id=recipient.object_id)
        for recipient in recipients
    )
    return JournalEntry(run=run, actor="sync", at=NOW, changes=changes)
