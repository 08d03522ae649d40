"""The ports as they are deployed. The only importer of adapters, which are imported when the app is built."""

from shared.bootstrap.wiring import Ports
from shared.settings import Settings, TelemetrySettings
from shared.telemetry import quiet_sdks


def export_telemetry(settings: TelemetrySettings) -> None:
    """Record and export what this process does."""
    from shared.adapters.telemetry import start  # noqa: PLC0415 - what is not configured is not imported

    start(settings)


def deployed_ports(settings: Settings) -> Ports:
    """Return the adapters that the settings name. Clients live as long as the process."""
    from shared.adapters.network.tls import load_aiohttp  # noqa: PLC0415 - what is not used is not imported

    load_aiohttp()  # before the others do
    from shared.adapters.certificates import X509CertificateReader  # noqa: PLC0415 - as above
    from shared.adapters.clock import SystemClock  # noqa: PLC0415 - as above
    from shared.adapters.entra import EntraContext, EntraProvider, GraphDirectoryFactory  # noqa: PLC0415 - as above
    from shared.adapters.health_probe import DeployedProbes  # noqa: PLC0415 - as above
    from shared.adapters.id_source import RandomIdSource  # noqa: PLC0415 - as above
    from shared.adapters.key_vault import KeyVaultSecretStore  # noqa: PLC0415 - as above
    from shared.adapters.process_limits import ProcessLimitStore  # noqa: PLC0415 - as above
    from shared.adapters.queues import StorageJobQueue  # noqa: PLC0415 - as above
    from shared.adapters.sign_in import EntraSignIn  # noqa: PLC0415 - as above
    from shared.adapters.stores import (  # noqa: PLC0415 - as above
        TableAuditStore,
        TableConnectionStore,
        TableErasureStore,
        TableIdempotencyStore,
        TableImportStore,
        TableKeyStore,
        TableLimitStore,
        TableOperatorLog,
        TableRecipientStore,
        TableRunStore,
        Tables,
        TableSettingsStore,
        TableSnapshotStore,
        TableSyncStateStore,
        TableTenantStore,
        TableUserStore,
    )
    from shared.adapters.stores.account_placement import Accounts  # noqa: PLC0415 - as above
    from shared.adapters.stores.storage_clock import TableStorageClock  # noqa: PLC0415 - as above

    quiet_sdks()
    tables, queues, vault, clock = (
        Tables(settings),
        StorageJobQueue(settings),
        KeyVaultSecretStore(settings),
        SystemClock(),
    )
    entra = EntraProvider(
        EntraContext(
            sessions=GraphDirectoryFactory(
                own_hosts=settings.own_hosts(), managed_identity=settings.managed_identity_client_id
            ),
            certificates=X509CertificateReader(),
            clock=clock,
            default_endpoints=settings.default_endpoints,
            allowed_endpoints=settings.allowed_endpoints,
        )
    )
    further = {account.name: Tables(settings, account) for account in settings.table_accounts}
    accounts = Accounts(tables, further, new_tenants=settings.new_tenants_account, clock=clock)
    return Ports(
        tenants=TableTenantStore(tables, accounts),
        connections=TableConnectionStore(tables),
        settings=TableSettingsStore(tables, accounts),
        sync_states=TableSyncStateStore(tables),
        runs=TableRunStore(tables, accounts),
        snapshots=TableSnapshotStore(accounts),
        recipients=TableRecipientStore(accounts),
        imports=TableImportStore(tables, accounts),
        operator_log=TableOperatorLog(tables),
        audit=TableAuditStore(tables),
        erasures=TableErasureStore(tables, accounts),
        queue=queues,
        secrets=vault,
        providers={entra.name: entra},
        limits=TableLimitStore(tables),
        process_limits=ProcessLimitStore(),
        keys=TableKeyStore(tables),
        users=TableUserStore(tables, accounts),
        idempotency=TableIdempotencyStore(tables),
        sign_in=EntraSignIn(settings.sign_in),
        probes=DeployedProbes(settings, accounts, queues, vault),
        clock=clock,
        storage_clock=TableStorageClock(tables),
        ids=RandomIdSource(clock),
    )
