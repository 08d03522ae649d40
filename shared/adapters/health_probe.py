"""Tries what the app depends on, and reads what time it is there."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp

from shared.adapters.key_vault import KeyVaultSecretStore
from shared.adapters.network.tls import tls_context
from shared.adapters.queues import StorageJobQueue
from shared.adapters.stores.account_placement import FIRST, Accounts
from shared.adapters.stores.table_names import RUNS
from shared.domain.sync.jobs import ALL_QUEUES
from shared.errors import NotFound, Transient
from shared.settings import Settings

#: A row and a secret that nobody else has.
_NAME: Final = "doctor"
#: No tenant's id begins like this. Every account has the table.
_PARTITION: Final = "!doctor"
_VERSION: Final = "0" * 32
_TIMEOUT_S: Final = 10.0


class DeployedProbes:
    """`DependencyProbes` of the deployed app, through the clients that it works with."""

    def __init__(
        self, settings: Settings, accounts: Accounts, queues: StorageJobQueue, vault: KeyVaultSecretStore
    ) -> None:
        self._settings = settings
        self._accounts = accounts
        self._queues = queues
        self._vault = vault

    async def accounts(self) -> Sequence[str]:
        """Return the names of the further storage accounts. Raises: SyncError."""
        return await self._accounts.names()

    async def tables(self, account: str = FIRST) -> datetime | None:
        """Write and delete a row. Returns what time it is in storage. Raises: SyncError."""
        tables = await self._accounts.named(account)
        await tables.put(RUNS, {"PartitionKey": _PARTITION, "RowKey": _NAME})
        row: Any = await tables.get(RUNS, _PARTITION, _NAME)
        await tables.delete(RUNS, _PARTITION, _NAME)
        written = row.metadata["timestamp"]
        return datetime.fromisoformat(written) if written else None

    async def queues(self) -> Mapping[str, int]:
        """Return about how many messages each queue has. Raises: SyncError."""
        return {name: await self._queues.depth(name) for name in ALL_QUEUES}

    async def vault(self) -> None:
        """Look for a secret that is not there. Raises: SyncError."""
        try:
            await self._vault.get(_NAME, _VERSION)
        except NotFound:
            return

    async def login(self) -> datetime | None:
        """Return what time it is at the login service. Raises: Transient."""
        address = f"{self._settings.default_endpoints.login}/common/v2.0/.well-known/openid-configuration"
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)) as session,
                session.get(address, ssl=tls_context(), allow_redirects=False) as answer,
            ):
                date = answer.headers.get("Date")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Transient("The login service did not answer.", code="login_unreachable") from error
        return parsedate_to_datetime(date) if date else None
