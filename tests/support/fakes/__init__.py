"""In-memory implementations of all ports, with the semantics of the real ones; contract tests hold them to it."""

from shared.adapters.process_limits import ProcessLimitStore
from shared.adapters.stores import TableAuditStore, TableErasureStore
from shared.bootstrap import Ports
from tests.support.fakes.certificates import FakeCertificateReader
from tests.support.fakes.clock import FakeClock, FakeStorageClock
from tests.support.fakes.connections import FakeConnectionStore
from tests.support.fakes.directory import FakeDirectories, FakeDirectory
from tests.support.fakes.entra import (
    ENDPOINTS,
    directories_of,
    entra_connection,
    entra_of,
    entra_providers,
    stored_secret,
)
from tests.support.fakes.id_source import FakeIdSource
from tests.support.fakes.idempotency import FakeIdempotencyStore
from tests.support.fakes.imports import FakeImportStore
from tests.support.fakes.limits import FakeLimitStore
from tests.support.fakes.named_keys import FakeKeyStore
from tests.support.fakes.operator_log import FakeOperatorLog
from tests.support.fakes.probes import FakeProbes
from tests.support.fakes.queue import FakeJobQueue
from tests.support.fakes.recipients import FakeRecipientStore
from tests.support.fakes.runs import FakeRunStore
from tests.support.fakes.secrets import FakeSecretStore
from tests.support.fakes.settings import FakeSettingsStore
from tests.support.fakes.sign_in import FakeSignIn
from tests.support.fakes.snapshots import FakeSnapshotStore
from tests.support.fakes.sync_states import FakeSyncStateStore
from tests.support.fakes.table_service import MemoryTables
from tests.support.fakes.tenant_rows import FakeTenantRows
from tests.support.fakes.tenants import FakeTenantStore
from tests.support.fakes.users import FakeUserStore


def fake_ports() -> Ports:
    """Return a fresh deployment in memory."""
    clock, rows = FakeClock(), FakeTenantRows()
    return Ports(
        tenants=FakeTenantStore(rows),
        connections=FakeConnectionStore(rows),
        settings=FakeSettingsStore(rows),
        sync_states=FakeSyncStateStore(rows),
        runs=FakeRunStore(),
        snapshots=FakeSnapshotStore(),
        recipients=FakeRecipientStore(),
        imports=FakeImportStore(),
        operator_log=FakeOperatorLog(),
        audit=TableAuditStore(MemoryTables()),
        erasures=TableErasureStore(MemoryTables()),
        queue=FakeJobQueue(),
        secrets=FakeSecretStore(),
        providers=entra_providers(clock=clock),
        limits=FakeLimitStore(),
        process_limits=ProcessLimitStore(),
        keys=FakeKeyStore(),
        users=FakeUserStore(),
        idempotency=FakeIdempotencyStore(),
        sign_in=FakeSignIn(),
        probes=FakeProbes(clock),
        clock=clock,
        storage_clock=FakeStorageClock(clock),
        ids=FakeIdSource(clock),
    )


__all__ = [
    "ENDPOINTS",
    "FakeCertificateReader",
    "FakeClock",
    "FakeConnectionStore",
    "FakeDirectories",
    "FakeDirectory",
    "FakeIdSource",
    "FakeIdempotencyStore",
    "FakeImportStore",
    "FakeJobQueue",
    "FakeKeyStore",
    "FakeLimitStore",
    "FakeOperatorLog",
    "FakeProbes",
    "FakeRecipientStore",
    "FakeRunStore",
    "FakeSecretStore",
    "FakeSettingsStore",
    "FakeSignIn",
    "FakeSnapshotStore",
    "FakeSyncStateStore",
    "FakeTenantRows",
    "FakeTenantStore",
    "FakeUserStore",
    "directories_of",
    "entra_connection",
    "entra_of",
    "entra_providers",
    "fake_ports",
    "stored_secret",
]
