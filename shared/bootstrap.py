"""The only place that wires adapters to workflows. Clients are built once per process, when they are first needed."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from time import monotonic

from shared.ports.directory import CertificateReader, DirectoryFactory
from shared.ports.imports import ImportStore
from shared.ports.operations import Ledger, Vitals
from shared.ports.platform import Clock, LimitStore, SecretStore, SignIn, UseStore
from shared.ports.queues import JobQueue
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.snapshots import SnapshotStore
from shared.ports.tenants import TenantStore, UserStore
from shared.runtime.adaptive_timeout import Patience
from shared.runtime.bulkhead import Capacity
from shared.runtime.fair_scheduler import loading
from shared.settings import Settings, load
from shared.telemetry import quiet_sdks
from shared.workflows.connections.connect import Connect
from shared.workflows.connections.connection_health import ConnectionHealth
from shared.workflows.connections.directory_access import DirectoryAccess
from shared.workflows.connections.rate_limiter import Limiter
from shared.workflows.connections.show_mapping import ShowMapping
from shared.workflows.connections.validate import Validate
from shared.workflows.idempotency import Once
from shared.workflows.imports.apply_import import WorkOffImport
from shared.workflows.imports.cleanup import SweepImports
from shared.workflows.imports.completion import ImportEndings
from shared.workflows.imports.small_import import ImportCsv
from shared.workflows.imports.upload import UploadImport
from shared.workflows.operations.dead_letters import Bury
from shared.workflows.operations.health_check import Doctor
from shared.workflows.operations.overview import Overview
from shared.workflows.operations.queries import Observe
from shared.workflows.operations.replay import Poison
from shared.workflows.recipients.edit import EditRecipient
from shared.workflows.recipients.explain import Explain
from shared.workflows.recipients.manual_changes import ByHand
from shared.workflows.recipients.undo import Undo
from shared.workflows.snapshots.cache import CutSnapshots
from shared.workflows.sync.deactivate import Retire
from shared.workflows.sync.fetch import Fetch
from shared.workflows.sync.finish import Finish
from shared.workflows.sync.plan import PlanRun
from shared.workflows.sync.reconcile import LARGE_AT_ONCE, Reconcile
from shared.workflows.sync.request_run import RequestRun
from shared.workflows.sync.restart_on_change import Epoch
from shared.workflows.sync.review_held import DecideHeld
from shared.workflows.sync.schedule import Schedule
from shared.workflows.sync.stages import StageCoordinator
from shared.workflows.sync.watchdog import Watch
from shared.workflows.tenants.authorize import Authorize
from shared.workflows.tenants.configure import Configure
from shared.workflows.tenants.deletion import Erasure
from shared.workflows.tenants.sso_users import SignIns


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return seconds since some fixed moment, never going backwards."""
        return monotonic()


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Everything outside that the workflows need."""

    tenants: TenantStore
    runs: RunStore
    snapshots: SnapshotStore
    recipients: RecipientStore
    imports: ImportStore
    ledger: Ledger
    queue: JobQueue
    secrets: SecretStore
    directories: DirectoryFactory
    certificates: CertificateReader
    limits: LimitStore
    users: UserStore
    uses: UseStore
    sign_in: SignIn
    vitals: Vitals
    clock: Clock


def _entropy() -> int:
    return secrets.randbits(32)


def _new_attempt() -> str:
    return secrets.token_hex(8)


class App:
    """The workflows, each built when it is first used."""

    def __init__(self, ports: Ports, settings: Settings) -> None:
        self.ports = ports
        self.settings = settings

    @property
    def queue(self) -> JobQueue:
        """The queues."""
        return self.ports.queue

    @property
    def _operator_tenant(self) -> str | None:
        return self.settings.sign_in.operator_tenant if self.settings.sign_in else None

    @cached_property
    def stages(self) -> StageCoordinator:
        """What moves runs from stage to stage."""
        return StageCoordinator(tenants=self.ports.tenants, runs=self.ports.runs, queue=self.ports.queue)

    @cached_property
    def health(self) -> ConnectionHealth:
        """What is known about how connections fare."""
        return ConnectionHealth(tenants=self.ports.tenants, ledger=self.ports.ledger, clock=self.ports.clock)

    @cached_property
    def access(self) -> DirectoryAccess:
        """The way into tenants' directories."""
        return DirectoryAccess(
            tenants=self.ports.tenants,
            secrets=self.ports.secrets,
            directories=self.ports.directories,
            health=self.health,
        )

    @cached_property
    def erasure(self) -> Erasure:
        """Deleted tenants are erased."""
        return Erasure(
            tenants=self.ports.tenants,
            runs=self.ports.runs,
            snapshots=self.ports.snapshots,
            recipients=self.ports.recipients,
            imports=self.ports.imports,
            ledger=self.ports.ledger,
            users=self.ports.users,
            uses=self.ports.uses,
            secrets=self.ports.secrets,
            clock=self.ports.clock,
        )

    @cached_property
    def sign_ins(self) -> SignIns:
        """Who may sign in, and who of them is a user of the product."""
        return SignIns(tenants=self.ports.tenants, users=self.ports.users, access=self.access, clock=self.ports.clock)

    @cached_property
    def plan(self) -> PlanRun:
        """A request becomes a run."""
        return PlanRun(
            tenants=self.ports.tenants,
            runs=self.ports.runs,
            stages=self.stages,
            clock=self.ports.clock,
            entropy=_entropy,
            deadline_s=self.settings.run_deadline_s,
        )

    @cached_property
    def fetch(self) -> Fetch:
        """One source becomes a snapshot."""
        return Fetch(
            runs=self.ports.runs,
            snapshots=self.ports.snapshots,
            access=self.access,
            stages=self.stages,
            finish_at_once=self.finish.at_once,
            queue=self.ports.queue,
            clock=self.ports.clock,
            new_attempt=_new_attempt,
            patience=Patience(),
            budget_s=self.settings.job_budget_s,
        )

    @cached_property
    def reconcile(self) -> Reconcile:
        """One location is brought in line with its snapshots."""
        return Reconcile(
            runs=self.ports.runs,
            snapshots=self.ports.snapshots,
            cut=CutSnapshots(self.ports.snapshots),
            recipients=self.ports.recipients,
            stages=self.stages,
            queue=self.ports.queue,
            clock=self.ports.clock,
            new_attempt=_new_attempt,
            large=Capacity(LARGE_AT_ONCE),
            budget_s=self.settings.job_budget_s,
        )

    @cached_property
    def finish(self) -> Finish:
        """A run is closed."""
        return Finish(
            tenants=self.ports.tenants,
            runs=self.ports.runs,
            snapshots=self.ports.snapshots,
            recipients=self.ports.recipients,
            queue=self.ports.queue,
            stages=self.stages,
            health=self.health,
            clock=self.ports.clock,
        )

    @cached_property
    def retire(self) -> Retire:
        """A run's leavers are confirmed, guarded, and deactivated or held."""
        return Retire(
            runs=self.ports.runs,
            recipients=self.ports.recipients,
            access=self.access,
            stages=self.stages,
            finish=self.finish,
            clock=self.ports.clock,
            new_attempt=_new_attempt,
        )

    @cached_property
    def decide_held(self) -> DecideHeld:
        """A held run's deactivations are approved or dropped."""
        return DecideHeld(
            tenants=self.ports.tenants,
            runs=self.ports.runs,
            queue=self.ports.queue,
            release=self.finish.release,
            clock=self.ports.clock,
        )

    @cached_property
    def watch(self) -> Watch:
        """What a crash left behind is taken up again."""
        return Watch(
            tenants=self.ports.tenants,
            runs=self.ports.runs,
            recipients=self.ports.recipients,
            queue=self.ports.queue,
            stages=self.stages,
            fail=self.finish.fail,
            release=self.finish.release,
            sweep=self.erasure.sweep,
            sweep_imports=self.sweep_imports,
            clock=self.ports.clock,
            stale_after_s=self.settings.watchdog_stale_after_s,
            deadline_s=self.settings.run_deadline_s,
        )

    @cached_property
    def schedule(self) -> Schedule:
        """Every connected tenant is asked for."""
        return Schedule(
            tenants=self.ports.tenants,
            queue=self.ports.queue,
            health=self.health,
            limits=self.ports.limits,
            uses=self.ports.uses,
            clock=self.ports.clock,
        )

    @cached_property
    def bury(self) -> Bury:
        """Messages that cannot be worked off are recorded."""
        return Bury(
            ledger=self.ports.ledger,
            runs=self.ports.runs,
            stages=self.stages,
            fail=self.finish.fail,
            fail_import=self.import_endings.fail,
            clock=self.ports.clock,
        )

    @cached_property
    def doctor(self) -> Doctor:
        """The deployment is examined."""
        return Doctor(vitals=self.ports.vitals, clock=self.ports.clock)

    @cached_property
    def poison(self) -> Poison:
        """Entries of the ledger are put back or thrown away."""
        return Poison(ledger=self.ports.ledger, queue=self.ports.queue, stages=self.stages, clock=self.ports.clock)

    @cached_property
    def epoch(self) -> Epoch:
        """What runs on old configuration is ended."""
        return Epoch(
            tenants=self.ports.tenants,
            recipients=self.ports.recipients,
            queue=self.ports.queue,
            stages=self.stages,
            clock=self.ports.clock,
            entropy=_entropy,
        )

    @cached_property
    def validate(self) -> Validate:
        """Credentials are checked."""
        return Validate(
            directories=self.ports.directories,
            certificates=self.ports.certificates,
            limiter=Limiter(limits=self.ports.limits, clock=self.ports.clock),
            clock=self.ports.clock,
            default_endpoints=self.settings.default_endpoints,
            allowed_endpoints=self.settings.allowed_endpoints,
            operator_tenant=self._operator_tenant,
        )

    @cached_property
    def connect(self) -> Connect:
        """Credentials are stored, replaced, erased."""
        return Connect(
            tenants=self.ports.tenants,
            secrets=self.ports.secrets,
            access=self.access,
            validate=self.validate,
            advance_epoch=self.epoch.advance,
            clock=self.ports.clock,
        )

    @cached_property
    def authorize(self) -> Authorize:
        """Who may do what is decided."""
        return Authorize(tenants=self.ports.tenants, operator_tenant=self._operator_tenant)

    @cached_property
    def configure(self) -> Configure:
        """Tenants, preferences, locations and mappings are changed."""
        return Configure(
            tenants=self.ports.tenants,
            recipients=self.ports.recipients,
            erasure=self.erasure,
            disconnect=self.connect.disconnect,
            advance_epoch=self.epoch.advance,
            abandon_imports=self.sweep_imports.abandon,
        )

    @cached_property
    def overview(self) -> Overview:
        """Every tenant on one line."""
        return Overview(
            tenants=self.ports.tenants, runs=self.ports.runs, ledger=self.ports.ledger, clock=self.ports.clock
        )

    @cached_property
    def once(self) -> Once:
        """Requests that are sent again find what the first has made."""
        return Once(uses=self.ports.uses, clock=self.ports.clock, entropy=_entropy)

    @cached_property
    def request_run(self) -> RequestRun:
        """A run is announced and asked for."""
        return RequestRun(
            tenants=self.ports.tenants,
            runs=self.ports.runs,
            queue=self.ports.queue,
            once=self.once,
            clock=self.ports.clock,
            entropy=_entropy,
        )

    @cached_property
    def by_hand(self) -> ByHand:
        """What a person decides is written."""
        return ByHand(
            tenants=self.ports.tenants,
            runs=self.ports.runs,
            recipients=self.ports.recipients,
            clock=self.ports.clock,
            entropy=_entropy,
            new_attempt=_new_attempt,
        )

    @cached_property
    def import_csv(self) -> ImportCsv:
        """Files become recipients."""
        return ImportCsv(tenants=self.ports.tenants, by_hand=self.by_hand, once=self.once)

    @cached_property
    def upload_import(self) -> UploadImport:
        """Large files are taken in parts."""
        return UploadImport(
            imports=self.ports.imports,
            runs=self.ports.runs,
            queue=self.ports.queue,
            by_hand=self.by_hand,
            clock=self.ports.clock,
            entropy=_entropy,
        )

    @cached_property
    def work_off_import(self) -> WorkOffImport:
        """Large files become recipients."""
        return WorkOffImport(
            imports=self.ports.imports,
            tenants=self.ports.tenants,
            recipients=self.ports.recipients,
            queue=self.ports.queue,
            endings=self.import_endings,
            clock=self.ports.clock,
            new_attempt=_new_attempt,
            budget_s=self.settings.job_budget_s,
        )

    @cached_property
    def import_endings(self) -> ImportEndings:
        """How large imports end."""
        return ImportEndings(
            tenants=self.ports.tenants,
            imports=self.ports.imports,
            runs=self.ports.runs,
            recipients=self.ports.recipients,
            clock=self.ports.clock,
        )

    @cached_property
    def sweep_imports(self) -> SweepImports:
        """Large imports come to their end."""
        return SweepImports(
            imports=self.ports.imports,
            queue=self.ports.queue,
            endings=self.import_endings,
            clock=self.ports.clock,
            stale_after_s=self.settings.watchdog_stale_after_s,
        )

    @cached_property
    def edit_recipient(self) -> EditRecipient:
        """One recipient is changed by a person."""
        return EditRecipient(by_hand=self.by_hand)

    @cached_property
    def undo(self) -> Undo:
        """A run is undone."""
        return Undo(runs=self.ports.runs, recipients=self.ports.recipients, by_hand=self.by_hand)

    @cached_property
    def explain(self) -> Explain:
        """Why somebody is, or is not, a recipient."""
        return Explain(
            tenants=self.ports.tenants,
            runs=self.ports.runs,
            snapshots=self.ports.snapshots,
            recipients=self.ports.recipients,
            access=self.access,
        )

    @cached_property
    def show_mapping(self) -> ShowMapping:
        """Mapped groups, with what was read of them."""
        return ShowMapping(
            tenants=self.ports.tenants, runs=self.ports.runs, snapshots=self.ports.snapshots, access=self.access
        )

    @cached_property
    def observe(self) -> Observe:
        """Everything that is only looked at."""
        return Observe(
            tenants=self.ports.tenants,
            runs=self.ports.runs,
            snapshots=self.ports.snapshots,
            recipients=self.ports.recipients,
            ledger=self.ports.ledger,
            access=self.access,
        )


@cache
@loading()
def app() -> App:
    """Return the app of this process, on the adapters that its settings name. Raises: Misconfigured."""
    from shared.adapters.network.tls import load_aiohttp  # noqa: PLC0415 - what is not used is not imported

    load_aiohttp()  # before the others do
    from shared.adapters.certificates import X509CertificateReader  # noqa: PLC0415 - as above
    from shared.adapters.entra import GraphDirectoryFactory  # noqa: PLC0415 - as above
    from shared.adapters.health_probe import DeployedVitals  # noqa: PLC0415 - as above
    from shared.adapters.key_vault import KeyVaultSecretStore  # noqa: PLC0415 - as above
    from shared.adapters.queues import StorageJobQueue  # noqa: PLC0415 - as above
    from shared.adapters.sign_in import EntraSignIn  # noqa: PLC0415 - as above
    from shared.adapters.stores import (  # noqa: PLC0415 - as above
        TableImportStore,
        TableLedger,
        TableLimitStore,
        TableRecipientStore,
        TableRunStore,
        Tables,
        TableSnapshotStore,
        TableTenantStore,
        TableUserStore,
        TableUseStore,
    )
    from shared.adapters.stores.account_placement import Accounts  # noqa: PLC0415 - as above

    quiet_sdks()
    settings = load()
    tables, queues, vault, clock = (
        Tables(settings),
        StorageJobQueue(settings),
        KeyVaultSecretStore(settings),
        SystemClock(),
    )
    further = {account.name: Tables(settings, account) for account in settings.table_accounts}
    accounts = Accounts(tables, further, new_tenants=settings.new_tenants_account, clock=clock)
    ports = Ports(
        tenants=TableTenantStore(tables, accounts),
        runs=TableRunStore(accounts),
        snapshots=TableSnapshotStore(accounts),
        recipients=TableRecipientStore(accounts),
        imports=TableImportStore(tables, accounts),
        ledger=TableLedger(tables),
        queue=queues,
        secrets=vault,
        directories=GraphDirectoryFactory(
            own_hosts=settings.own_hosts(), managed_identity=settings.managed_identity_client_id
        ),
        certificates=X509CertificateReader(),
        limits=TableLimitStore(tables),
        users=TableUserStore(accounts),
        uses=TableUseStore(tables),
        sign_in=EntraSignIn(settings.sign_in),
        vitals=DeployedVitals(settings, accounts, queues, vault),
        clock=clock,
    )
    return App(ports, settings)
