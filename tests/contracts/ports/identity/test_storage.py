"""Without a connection string the app reaches storage as itself: managed identity, https, no shared key."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.azurite import ACCOUNT, Azurite
from infra.local.entra.server import EntraSimulator
from infra.local.stack import readiness
from infra.local.stack.certificates import Certificates
from infra.local.stack.child import Child
from infra.local.stack.ports import LOCALHOST, free_ports
from shared.adapters.queues import StorageJobQueue
from shared.adapters.stores import Tables, TableTenantStore
from shared.domain.access.tenants import TenantSummary
from shared.domain.ids import TenantId
from shared.domain.run import RunMode
from shared.domain.sync.jobs import SyncRequest
from shared.settings import load

_START_S = 30


@pytest.fixture
def guarded_azurite(tls: Certificates, tmp_path: Path) -> Iterator[Azurite]:
    """An Azurite that wants bearer tokens over TLS, as the storage account in the cloud does."""
    blob, queue, table = free_ports(3)
    azurite = Azurite(blob_port=blob, queue_port=queue, table_port=table)
    command = [*azurite.command(), "--oauth", "basic", "--cert", str(tls.cert), "--key", str(tls.key)]
    child = Child("azurite", command, log=tmp_path / "azurite.log", environment={})
    try:
        deadline = time.monotonic() + _START_S
        urls = [f"https://{LOCALHOST}:{port}/{ACCOUNT}?comp=list" for port in (blob, queue, table)]
        while not all(readiness.get(url, ca=tls.ca) for url in urls):
            assert child.exit_code is None, child.tail()
            assert time.monotonic() < deadline, child.tail()
            time.sleep(0.1)
        yield azurite
    finally:
        child.end()


async def test_tables_and_queues_by_managed_identity(
    guarded_azurite: Azurite, tls: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row is written and read, and a message sent, with nothing but the identity's token."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.bundle))
    environment = {"IDENTITY_HEADER": "the-header"}
    async with EntraSimulator(cert=tls.cert, key=tls.key, scale=0.01, environment=environment) as entra:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{entra.admin}/identity")
        monkeypatch.setenv("IDENTITY_HEADER", "the-header")
        settings = load(
            {
                "AzureWebJobsStorage__tableServiceUri": f"https://{LOCALHOST}:{guarded_azurite.table_port}/{ACCOUNT}",
                "AzureWebJobsStorage__queueServiceUri": f"https://{LOCALHOST}:{guarded_azurite.queue_port}/{ACCOUNT}",
                "KEY_VAULT_URL": "https://vault.example",
            }
        )
        tables, queue = Tables(settings), StorageJobQueue(settings)
        try:
            tenants = TableTenantStore(tables)
            acme = TenantId("acme")
            await tenants.put(TenantSummary(id=acme, name="Acme"))
            assert (await tenants.get(acme)).name == "Acme"
            request = SyncRequest(tenant=acme, mode=RunMode.FULL, request="r", requested_by="queue")
            await queue.send([request])
        finally:
            await tables.close()
            await queue.close()
