"""The storage accounts of a snapshot in Azurite: over TLS, by bearer token, with the deployed tables and queues."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables.aio import TableServiceClient
from azure.storage.queue.aio import QueueServiceClient

from infra.azure.snapshot import Snapshot
from infra.local.azurite import KEY, Azurite
from infra.local.stack import readiness
from infra.local.stack.certificates import Certificates
from infra.local.stack.ports import LOCALHOST, Ports
from infra.local.stack.supervisor import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """One Azurite with several accounts. The operator of the rehearsal uses its published key, the app cannot."""

    ports: Ports
    certificates: Certificates

    def origin(self, service: str) -> str:
        """Return the address of a service: `blob`, `queue` or `table`."""
        port: int = getattr(self.ports, service)
        return f"https://{LOCALHOST}:{port}"

    def part(self, accounts: Iterable[str]) -> Part:
        """Return the emulator with these accounts.

        Raises:
            AzuriteUnavailable: It is not installed.
        """
        azurite = Azurite(blob_port=self.ports.blob, queue_port=self.ports.queue, table_port=self.ports.table)
        tls = ["--cert", str(self.certificates.cert), "--key", str(self.certificates.key)]
        return Part(
            name="azurite",
            command=[*azurite.command(), "--oauth", "basic", *tls],
            environment={"AZURITE_ACCOUNTS": ";".join(f"{account}:{KEY}" for account in accounts)},
            answers=self._answers,
            end_grace_s=3,
        )

    async def create(self, snapshot: Snapshot) -> None:
        """Create the tables and queues of the snapshot in every account."""
        for account in snapshot.storage_accounts:
            async with TableServiceClient(f"{self.origin('table')}/{account}", **self._access(account)) as tables:
                for table in snapshot.tables(account):
                    await tables.create_table(table)
            async with self._queues(account) as queues:
                for queue in snapshot.queues(account):
                    await queues.create_queue(queue)

    async def put_message(self, account: str, queue: str, text: str) -> None:
        """Put a message on a queue, as plain text, like `az storage message put`."""
        async with self._queues(account) as queues:
            await queues.get_queue_client(queue).send_message(text)

    def _queues(self, account: str) -> QueueServiceClient:
        return QueueServiceClient(f"{self.origin('queue')}/{account}", **self._access(account))

    def _access(self, account: str) -> dict[str, Any]:
        key = AzureNamedKeyCredential(account, KEY)
        return {"credential": key, "connection_verify": str(self.certificates.ca)}

    async def _answers(self) -> bool:
        urls = [f"{self.origin(service)}/?comp=list" for service in ("blob", "queue", "table")]
        answers = [await asyncio.to_thread(readiness.get, url, ca=self.certificates.ca) for url in urls]
        return all(answer is not None for answer in answers)
