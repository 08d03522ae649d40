"""Small function apps, written to a folder and run by the host in the test's own process."""

import json
import sys
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import aiohttp
import pytest
from azure.storage.queue.aio import QueueServiceClient

from infra.local.azurite import Azurite
from infra.local.functions_host.host import Host
from infra.local.functions_host.settings import load_settings
from infra.local.functions_host.workers import ProcessPerGroup
from tests.contracts.stand_ins.functions_host.running import KEY, Queues, Running, StartHost
from tests.support.storage_front import StorageFront, front_of

HEAD = """
import asyncio
from typing import List
import azure.functions as func
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
seen = []
"""


@pytest.fixture
def fresh_app(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No function_app of another test is imported, and this one's is forgotten."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    sys.modules.pop("function_app", None)
    yield
    sys.modules.pop("function_app", None)


@pytest.fixture
async def start_host(fresh_app: None, tmp_path: Path, azurite: Azurite) -> AsyncIterator[StartHost]:
    """Starts hosts for apps given as source text, and stops them."""
    running: list[Running] = []

    async def start(
        source: str,
        *,
        queues: Mapping[str, object] | None = None,
        host_json: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
        redeliver: bool = False,
        lock_s: int = 600,
        per_group: bool = False,
        waits: float = 1.0,
    ) -> Running:
        (tmp_path / "function_app.py").write_text(HEAD + source)
        extensions = {"queues": {"maxPollingInterval": "00:00:01", **(queues or {})}}
        (tmp_path / "host.json").write_text(
            json.dumps({"version": "2.0", "extensions": extensions, **(host_json or {})})
        )
        settings = load_settings(tmp_path, {"AzureWebJobsStorage": azurite.connection_string, **(environ or {})})
        workers = ProcessPerGroup.running(settings) if per_group else None
        host = Host(settings, key=KEY, workers=workers, redeliver=redeliver, lock_s=lock_s, waits=waits)
        port = await host.start("127.0.0.1", 0)
        running.append(Running(host=host, url=f"http://127.0.0.1:{port}", client=aiohttp.ClientSession()))
        return running[-1]

    yield start
    for one in running:
        await one.client.close()
        await one.host.stop(drain_s=5)


@pytest.fixture
async def front(azurite: Azurite) -> AsyncIterator[StorageFront]:
    """A front of the emulator, which can fail."""
    async with front_of(azurite) as running:
        yield running


@pytest.fixture
async def queues(azurite: Azurite) -> AsyncIterator[Queues]:
    """Queues with names of this test's own."""
    async with QueueServiceClient.from_connection_string(azurite.connection_string) as service:
        yield Queues(service=service, prefix=f"t{uuid.uuid4().hex[:12]}")
