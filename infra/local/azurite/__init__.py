"""Azurite, Microsoft's emulator of Azure Storage: its start command and its addresses.

`package.json` pins its version, and `make setup` installs it next to that file. It is started by `node` directly,
because killing `npx` would not end the emulator. Without a folder, all data is kept in memory: a stack starts empty and
leaves no data behind. With one, it is written every five seconds and at SIGTERM, after it was acknowledged: a SIGKILL
loses data. That mode does not cope with a million rows.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local.stack import readiness
from infra.local.stack.child import Child
from infra.local.stack.ports import LOCALHOST, free_ports

SCRIPT = Path(__file__).with_name("node_modules") / "azurite" / "dist" / "src" / "azurite.js"
#: Makes tables of many rows fast.
_INDEX = Path(__file__).with_name("indexed_tables.js")

#: Published account and key of every emulator. They protect nothing.
#: Source: https://learn.microsoft.com/azure/storage/common/storage-connect-azurite
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

START_TIMEOUT_S = 30
_POLL_S = 0.05


class AzuriteUnavailable(Exception):
    """Azurite cannot be started. The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Azurite:
    """The ports and addresses of one emulator."""

    blob_port: int
    queue_port: int
    table_port: int

    @property
    def blob_url(self) -> str:
        """Endpoint of the account's blobs."""
        return f"http://{LOCALHOST}:{self.blob_port}/{ACCOUNT}"

    @property
    def queue_url(self) -> str:
        """Endpoint of the account's queues."""
        return f"http://{LOCALHOST}:{self.queue_port}/{ACCOUNT}"

    @property
    def table_url(self) -> str:
        """Endpoint of the account's tables."""
        return f"http://{LOCALHOST}:{self.table_port}/{ACCOUNT}"

    @property
    def connection_string(self) -> str:
        """Connection string for the SDKs' `from_connection_string` and the host's `AzureWebJobsStorage`."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint={self.blob_url};QueueEndpoint={self.queue_url};TableEndpoint={self.table_url};"
        )

    def command(self, folder: Path | None = None, *, indexed: bool = False) -> list[str]:
        """Return the command that starts it, with its data in a folder, or in memory, and with an index of table rows.

        Raises:
            AzuriteUnavailable: Node or the package is missing.
        """
        node = shutil.which("node")
        if node is None:
            raise AzuriteUnavailable("Node.js was not found on the PATH: install Node 20 or newer, then `make setup`.")
        if not SCRIPT.exists():
            raise AzuriteUnavailable("Azurite is not installed yet: run `make setup`.")
        ports = {"blob": self.blob_port, "queue": self.queue_port, "table": self.table_port}
        listen = [
            argument
            for name, port in ports.items()
            for argument in (f"--{name}Host", LOCALHOST, f"--{name}Port", str(port))
        ]
        kept = ["--inMemoryPersistence"] if folder is None else ["--location", str(folder)]
        index = ["--require", str(_INDEX)] if indexed else []
        return [node, *index, str(SCRIPT), *listen, *kept, "--disableTelemetry", "--skipApiVersionCheck", "--silent"]

    def answers(self) -> bool:
        """Return whether all three services respond to HTTP requests, even if with an error status."""
        return all(readiness.get(f"{url}?comp=list") for url in (self.blob_url, self.queue_url, self.table_url))


@contextmanager
def running_azurite(log: Path, *, indexed: bool = False) -> Iterator[Azurite]:
    """Start an emulator on free ports, and end it when the context is left.

    Raises:
        AzuriteUnavailable: It is not installed, or did not respond within `START_TIMEOUT_S`.
    """
    blob, queue, table = free_ports(3)
    azurite = Azurite(blob_port=blob, queue_port=queue, table_port=table)
    child = Child("azurite", azurite.command(indexed=indexed), log=log, environment={})
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not azurite.answers():
            if child.exit_code is not None or time.monotonic() > deadline:
                raise AzuriteUnavailable(f"Azurite did not start within {START_TIMEOUT_S} s: {child.tail()}")
            time.sleep(_POLL_S)
        yield azurite
    finally:
        child.end()
