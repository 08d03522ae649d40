"""Server on 127.0.0.1, in this process or in a child process whose CPU is not counted."""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from infra.local.azurite import ACCOUNT, KEY
from infra.local.stack.child import Child
from infra.local.stack.ports import LOCALHOST
from tests.support.table_service.service import Service
from tests.support.table_service.wire import Connection

_START_S: Final = 30.0
_POLL_S: Final = 0.02
_SAYS: Final = re.compile(r"^tables (http://\S+)$", re.MULTILINE)


def url_at(port: int) -> str:
    """Return the address of the account."""
    return f"http://{LOCALHOST}:{port}/{ACCOUNT}"


def url_of(connection: str) -> str:
    """Return the address in a connection string."""
    return connection.rpartition("TableEndpoint=")[2].rstrip(";")


def connection_string(url: str) -> str:
    """Return the connection string for the SDK and the product. The key is the emulator's; it is not verified."""
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};TableEndpoint={url};"


@asynccontextmanager
async def listening(service: Service, port: int = 0) -> AsyncIterator[str]:
    """Serve in this process, on a free port by default. Yields the account's address."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(service), LOCALHOST, port)
    async with server:
        yield url_at(server.sockets[0].getsockname()[1])


@contextmanager
def running_tables(log: Path, *options: str) -> Iterator[str]:
    """Serve in a child process until the context ends. Yields the account's address."""
    log.unlink(missing_ok=True)
    child = Child("tables", [sys.executable, "-m", "tests.support.table_service", *options], log=log, environment={})
    try:
        deadline = time.monotonic() + _START_S
        while (said := _SAYS.search(child.tail())) is None:
            if child.exit_code is not None or time.monotonic() > deadline:
                raise ChildProcessError(f"the Table service did not start: {child.tail()}")
            time.sleep(_POLL_S)
        yield said[1]
    finally:
        child.end()
