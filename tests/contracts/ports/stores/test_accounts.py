"""Two storage accounts as they are deployed: wired by settings, examined, and one of them away."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.local.stack.ports import free_ports
from shared import bootstrap
from shared.adapters.stores import Tables, keys
from shared.adapters.stores.account_placement import KNOWN_FOR
from shared.adapters.stores.table_names import (
    IMPORTS,
    JOBS,
    LOCATIONS,
    RECIPIENTS,
    RUNS,
    SNAPSHOTS,
    TENANTS,
    UPLOADS,
    USERS,
)
from shared.bootstrap import App
from shared.domain.access.sso_users import ProductUser, Role
from shared.domain.access.tenants import TenantSummary
from shared.domain.directory import Source
from shared.domain.ids import TenantId
from shared.domain.recipient import Origin
from shared.domain.reconcile.fence import Fence
from shared.domain.versioned import Versioned
from shared.errors import Misconfigured, Transient
from shared.settings import load
from tests.support.samples import LOCATION, NOW, RUN, a_run, an_import, journal, plan, recipient, settings
from tests.support.table_service.server import connection_string, listening, url_at
from tests.support.table_service.service import Service

ACME = TenantId("acme")
PLACED = (RECIPIENTS, SNAPSHOTS, RUNS, JOBS, LOCATIONS, UPLOADS, USERS)


class Deployed:
    """The app as its settings wire it, and each account as somebody else would look at it."""

    def __init__(self, first: str, second: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.first, self.second = Tables(settings(first)), Tables(settings(second))
        self._monkeypatch = monkeypatch
        self._environment = {
            "AzureWebJobsStorage": first,
            "KEY_VAULT_URL": "https://vault.example",
            "TABLE_ACCOUNTS": f"second={second}",
            "NEW_TENANTS_ACCOUNT": "second",
        }
        self.address = load(self._environment).table_accounts[0].address
        self._opened: list[Tables] = [self.first, self.second]

    def app(self, **changes: str) -> App:
        """Return the app of a new process."""
        for name, value in (self._environment | changes).items():
            self._monkeypatch.setenv(name, value)
        app = bootstrap.app.__wrapped__()
        accounts: Any = app.ports.runs
        self._opened += [accounts._accounts._first, *accounts._accounts._further.values()]
        return app

    async def close(self) -> None:
        """Close what was opened."""
        for table in self._opened:
            await table.close()


@pytest.fixture
async def deployed(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Deployed]:
    """Two accounts, of which the second is known for long enough."""
    async with AsyncExitStack() as ends:
        first, second = [
            connection_string(await ends.enter_async_context(listening(Service(enforce_sizes=True)))) for _ in "12"
        ]
        made = Deployed(first, second, monkeypatch)
        ends.push_async_callback(made.close)
        since = datetime.now(UTC) - KNOWN_FOR
        row = {"PartitionKey": keys.ACCOUNTS, "RowKey": keys.account("second"), "account": "second"}
        await made.first.insert(TENANTS, {**row, "address": made.address, "since": since.isoformat()})
        yield made


async def _everything(app: App) -> None:
    """Store something with every store whose tables are a tenant's."""
    ports = app.ports
    await ports.tenants.put(TenantSummary(id=ACME, name="Acme"))
    await ports.settings.put_location(ACME, LOCATION, "Lobby")
    await ports.runs.insert(a_run(ACME))
    await ports.runs.insert_plan(plan(ACME))
    await ports.snapshots.put(ACME, Source().id, {"0000:attempt": b"partition"})
    await ports.recipients.write(ACME, LOCATION, [recipient(1)], journal(recipient(1)), Versioned(Fence(), None))
    await ports.imports.insert(an_import(ACME))
    await ports.imports.put_part(an_import(ACME).ref, 1, b"name,mail\n")
    who = ProductUser(
        object_id=recipient(1).object_id or "",  # type: ignore[arg-type]
        mail="ann@example.com",
        display_name=None,
        role=Role.VIEWER,
        created_at=NOW,
        created_by="anna",
    )
    await ports.users.insert(ACME, who)


async def _rows(tables: Tables, table: str) -> int:
    return len([row async for row in tables.query(table)])


async def test_settings_alone_place_a_new_tenant(deployed: Deployed) -> None:
    """Every store of a tenant's tables is wired to the tenant's account, and what spans tenants to the first."""
    app = deployed.app()
    await _everything(app)
    for table in PLACED:
        assert (table, await _rows(deployed.first, table)) == (table, 0)
        assert await _rows(deployed.second, table) > 0
    for table in (TENANTS, IMPORTS):
        assert await _rows(deployed.first, table) > 0
        assert (table, await _rows(deployed.second, table)) == (table, 0)
    other = deployed.app(NEW_TENANTS_ACCOUNT="")
    assert [recipient.origin async for recipient in other.ports.recipients.list_recipients(ACME, LOCATION)] == [
        Origin.DIRECTORY
    ]
    assert (await other.ports.runs.get(ACME, RUN)).value == a_run(ACME)
    assert [mark.ref async for mark in other.ports.imports.list_imports()] == [an_import(ACME).ref]
    await app.ports.imports.delete_all(ACME)
    await app.ports.recipients.delete_all(ACME)
    await app.ports.snapshots.delete_all(ACME)
    await app.ports.runs.delete_all(ACME)
    await app.ports.users.delete_all(ACME)
    await app.ports.tenants.delete_all(ACME)
    assert [await _rows(deployed.second, table) for table in PLACED] == [0] * len(PLACED)


async def test_settings_without_the_account_name_the_setting(deployed: Deployed) -> None:
    """The rest of the deployment works."""
    await _everything(deployed.app())
    app = deployed.app(TABLE_ACCOUNTS="", NEW_TENANTS_ACCOUNT="")
    with pytest.raises(Misconfigured, match=f"TABLE_ACCOUNTS does not name .*second={deployed.address}"):
        await app.ports.recipients.get_fence(ACME, LOCATION)
    with pytest.raises(Misconfigured, match="TABLE_ACCOUNTS"):
        await app.ports.probes.tables("second")
    assert await app.ports.probes.accounts() == ["second"]
    assert await app.ports.probes.tables() is not None
    assert await app.ports.settings.list_locations(TenantId("other")) == []


async def test_the_doctor_s_look_leaves_nothing(deployed: Deployed) -> None:
    """Both accounts are written to and say what time it is there; one that is away is told by its failure."""
    app = deployed.app()
    assert await app.ports.probes.accounts() == ["second"]
    for name, tables in (("", deployed.first), ("second", deployed.second)):
        assert await app.ports.probes.tables(name) is not None
        assert await _rows(tables, RUNS) == 0
    away = connection_string(url_at(free_ports(1)[0]))
    app = deployed.app(
        TABLE_ACCOUNTS=f"second=AccountName=x;AccountKey=a2V5;TableEndpoint={deployed.address} away={away}"
    )
    assert await app.ports.probes.accounts() == ["away", "second"]
    with pytest.raises(Transient):
        await app.ports.probes.tables("away")
    assert await app.ports.probes.tables("second") is not None
