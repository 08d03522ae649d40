"""What every part of the wiring has: the ports and the settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.ports.directory import DirectoryProvider
from shared.ports.erasures import ErasureStore
from shared.ports.imports import ImportStore
from shared.ports.operations import AuditStore, DependencyProbes, OperatorLog
from shared.ports.platform import (
    Clock,
    IdempotencyStore,
    IdSource,
    KeyStore,
    LimitStore,
    SecretStore,
    SignIn,
    StorageClock,
)
from shared.ports.queues import JobQueue
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.snapshots import SnapshotStore
from shared.ports.tenants import ConnectionStore, SettingsStore, SyncStateStore, TenantStore, UserStore
from shared.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Everything outside that the workflows need."""

    tenants: TenantStore
    connections: ConnectionStore
    settings: SettingsStore
    sync_states: SyncStateStore
    runs: RunStore
    snapshots: SnapshotStore
    recipients: RecipientStore
    imports: ImportStore
    operator_log: OperatorLog
    audit: AuditStore
    erasures: ErasureStore
    queue: JobQueue
    secrets: SecretStore
    #: Providers of directories by the name that stored connections have.
    providers: Mapping[str, DirectoryProvider]
    limits: LimitStore
    process_limits: LimitStore
    keys: KeyStore
    users: UserStore
    idempotency: IdempotencyStore
    sign_in: SignIn
    probes: DependencyProbes
    clock: Clock
    storage_clock: StorageClock
    ids: IdSource


class Wiring:
    """Base of the features' wiring. A feature inherits from the one whose workflows it uses."""

    def __init__(self, ports: Ports, settings: Settings) -> None:
        self.ports = ports
        self.settings = settings

    @property
    def operator_tenant(self) -> str | None:
        """The Entra tenant whose people may be operators."""
        return self.settings.sign_in.operator_tenant if self.settings.sign_in else None
