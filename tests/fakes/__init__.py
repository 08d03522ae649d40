"""In-memory implementations of all ports, with the semantics of the real ones; contract tests hold them to it."""

from shared.bootstrap import Ports
from tests.fakes.certificates import FakeCertificateReader
from tests.fakes.clock import FakeClock
from tests.fakes.directory import FakeDirectories, FakeDirectory
from tests.fakes.imports import FakeImportStore
from tests.fakes.ledger import FakeLedger
from tests.fakes.limits import FakeLimitStore
from tests.fakes.queue import FakeJobQueue
from tests.fakes.recipients import FakeRecipientStore
from tests.fakes.runs import FakeRunStore
from tests.fakes.secrets import FakeSecretStore
from tests.fakes.sign_in import FakeSignIn
from tests.fakes.snapshots import FakeSnapshotStore
from tests.fakes.tenants import FakeTenantStore
from tests.fakes.users import FakeUserStore
from tests.fakes.uses import FakeUseStore
from tests.fakes.vitals import FakeVitals


def fake_ports() -> Ports:
    """Return a fresh deployment in memory."""
    clock = FakeClock()
    return Ports(
        tenants=FakeTenantStore(),
        runs=FakeRunStore(),
        snapshots=FakeSnapshotStore(),
        recipients=FakeRecipientStore(),
        imports=FakeImportStore(),
        ledger=FakeLedger(),
        queue=FakeJobQueue(),
        secrets=FakeSecretStore(),
        directories=FakeDirectories(),
        certificates=FakeCertificateReader(),
        limits=FakeLimitStore(),
        users=FakeUserStore(),
        uses=FakeUseStore(),
        sign_in=FakeSignIn(),
        vitals=FakeVitals(clock),
        clock=clock,
    )


__all__ = [
    "FakeCertificateReader",
    "FakeClock",
    "FakeDirectories",
    "FakeDirectory",
    "FakeImportStore",
    "FakeJobQueue",
    "FakeLedger",
    "FakeLimitStore",
    "FakeRecipientStore",
    "FakeRunStore",
    "FakeSecretStore",
    "FakeSignIn",
    "FakeSnapshotStore",
    "FakeTenantStore",
    "FakeUseStore",
    "FakeUserStore",
    "FakeVitals",
    "fake_ports",
]
