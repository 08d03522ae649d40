"""Health probes: requests to the services that the app depends on, which also return the services' clocks."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp

from shared.adapters.key_vault import KeyVaultSecretStore
from shared.adapters.network.tls import tls_context
from shared.adapters.queues import StorageJobQueue
from shared.adapters.stores.account_placement import FIRST, Accounts
from shared.adapters.stores.table_names import ALL_TABLES, RUNS
from shared.domain.sync.jobs import ALL_QUEUES
from shared.errors import Misconfigured, NotFound, Transient
from shared.settings import Settings

#: Name of a row and of a secret that are used only by the probes.
_NAME: Final = "doctor"
#: Partition of the probes' row; a tenant's id never begins with `!`.
_PARTITION: Final = "!doctor"
#: Version of a secret that never exists.
_VERSION: Final = "0" * 32
#: Timeout of a request to the login service, in seconds.
_TIMEOUT_S: Final = 10.0


class DeployedProbes:
    """`DependencyProbes` of the deployed app. They use the same clients as the app."""

    def __init__(
        self, settings: Settings, accounts: Accounts, queues: StorageJobQueue, vault: KeyVaultSecretStore
    ) -> None:
        self._settings = settings
        self._accounts = accounts
        self._queues = queues
        self._vault = vault

    async def accounts(self) -> Sequence[str]:
        """Return the names of the further storage accounts. Raises SyncError if they cannot be read."""
        return await self._accounts.names()

    async def tables(self, account: str = FIRST) -> datetime | None:
        """Write, read and delete a row, and look into every table. Return the time of storage.

        Raises SyncError if a request fails; a Misconfigured names the table.
        """
        tables = await self._accounts.named(account)
        for table in ALL_TABLES:
            with self._named(f"Table {table}"):
                await tables.find(table, _PARTITION, _NAME)
        await tables.put(RUNS, {"PartitionKey": _PARTITION, "RowKey": _NAME})
        row: Any = await tables.get(RUNS, _PARTITION, _NAME)
        await tables.delete(RUNS, _PARTITION, _NAME)
        written = row.metadata["timestamp"]
        return datetime.fromisoformat(written) if written else None

    async def queues(self) -> Mapping[str, int]:
        """Return the approximate number of messages by queue.

        Raises SyncError if a queue cannot be reached; a Misconfigured names the queue.
        """
        depths = {}
        for queue in ALL_QUEUES:
            with self._named(f"Queue {queue}"):
                depths[queue] = await self._queues.depth(queue)
        return depths

    async def vault(self) -> None:
        """Read a secret that does not exist. Raises SyncError unless Key Vault answers that it was not found."""
        try:
            await self._vault.get(_NAME, _VERSION)
        except NotFound:
            return

    async def login(self) -> datetime | None:
        """Return the time of the login service. Raises Transient if the service does not answer."""
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

    @contextmanager
    def _named(self, what: str) -> Iterator[None]:
        """Name what an error of the configuration concerns, and the setting if it chooses the wrong identity."""
        try:
            yield
        except Misconfigured as error:
            settings = self._settings
            by_default = settings.storage_connection_string is None and settings.managed_identity_client_id is None
            hint = " AzureWebJobsStorage__clientId is not set: the identity is the system-assigned one."
            raise Misconfigured(f"{what}: {error}{hint if by_default else ''}", code=error.code) from error
