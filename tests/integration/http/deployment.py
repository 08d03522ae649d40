"""The product as it is deployed, in one process: real adapters on Azurite, a vault and a simulated directory."""

import base64
import json
import logging
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Self
from urllib.parse import quote

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from infra.local.azurite import Azurite
from infra.local.entra.server import EntraSimulator
from infra.local.key_vault import KeyVault
from shared import bootstrap
from shared.bootstrap import App
from shared.domain.retry_policy import REDELIVERY
from shared.domain.sync.jobs import QUEUES
from shared.errors import Transient
from shared.triggers import queues, timers
from tests.support.delivery import Message
from tests.support.fakes import entra_of
from tests.support.http.calling import MODULES, Client, Reply, Route

#: More rounds than any test needs; beyond it something sends for ever.
_ROUNDS = 200


class Deployment(Client):
    """The API, what it has answered so far, and what lies in storage."""

    def __init__(self, routes: list[Route], product: App, azurite: Azurite, vault: KeyVault) -> None:
        super().__init__(routes)
        self.product = product
        self.vault = vault
        self._connection_string = azurite.connection_string
        #: Every text that came out of the API or went through a queue.
        self.said: list[str] = []

    async def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> Reply:
        """Send a request, and keep what is answered."""
        reply = await super().__call__(method, path, body, raw=raw, headers=headers, query=query)
        self.said.append(f"{reply.status} {reply.headers} {json.dumps(reply.body)}")
        return reply

    async def drain(self, *, once: bool = False) -> None:
        """Work off everything that is enqueued, and keep every message."""
        for _ in range(_ROUNDS):
            done = 0
            for queue in QUEUES:
                for text in self._taken(queue):
                    self.said.append(text)
                    await _deliver(queue, text)
                    done += 1
            if once or not done:
                return
        raise AssertionError("the queues do not run dry")

    def _taken(self, queue: str) -> Iterator[str]:
        with QueueServiceClient.from_connection_string(self._connection_string) as service:
            if queue not in {queue.name for queue in service.list_queues()}:
                return
            client = service.get_queue_client(queue)
            for message in list(client.receive_messages(visibility_timeout=60)):
                client.delete_message(message)
                yield message.content

    def enqueued(self) -> dict[str, int]:
        """Return the queues that are not empty."""
        with QueueServiceClient.from_connection_string(self._connection_string) as service:
            counts = {
                queue.name: service.get_queue_client(queue.name).get_queue_properties().approximate_message_count
                for queue in service.list_queues()
            }
        return {name: count for name, count in counts.items() if count}

    def rows(self) -> dict[str, list[str]]:
        """Return every row of every table as text, packed values included; tables without rows are left out."""
        found: dict[str, list[str]] = {}
        with TableServiceClient.from_connection_string(self._connection_string) as service:
            for table in service.list_tables():
                for row in service.get_table_client(table.name).list_entities():
                    texts = [f"{name}={_text(value)}" for name, value in sorted(row.items())]
                    found.setdefault(table.name, []).append(" ".join(texts))
        return found


async def _deliver(queue: str, text: str) -> None:
    """Deliver a message until it is worked off, as often as the host would."""
    for count in range(1, REDELIVERY.attempts):
        with suppress(Transient):
            await queues._process(queue, Message(text, dequeue_count=count))
            return
    await queues._process(queue, Message(text, dequeue_count=REDELIVERY.attempts))


def _text(value: object) -> str:
    if not isinstance(value, bytes):
        return str(value)
    with suppress(zlib.error):  # a part of a larger value, or not packed: as it is
        value = zlib.decompress(value)
    return value.decode("latin-1")


def spellings(secret: str) -> Iterator[str]:
    """Yield a secret, and what it looks like in JSON, in an address and in base64, wherever it begins there."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield quote(secret, safe="")
    for lead in range(3):
        coded = base64.b64encode(b"\0" * lead + secret.encode()).decode().rstrip("=")
        yield coded[lead + 1 + (lead > 0) : -2]


class Heard(logging.Handler):
    """Every line of every logger, at every level, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.lines: list[str] = []
        self._formatter = logging.Formatter("%(name)s %(levelname)s %(message)s")

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(self._formatter.format(record))

    def __enter__(self) -> Self:
        self._level = logging.getLogger().level
        logging.getLogger().addHandler(self)
        logging.getLogger().setLevel(logging.DEBUG)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)
        logging.getLogger().setLevel(self._level)


@asynccontextmanager
async def deployed(
    routes: list[Route],
    entra: EntraSimulator,
    vault: KeyVault,
    azurite: Azurite,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Deployment]:
    """Give the app that its settings in the environment make, with a storage account of its own."""
    settings = {
        "AzureWebJobsStorage": azurite.connection_string,
        "KEY_VAULT_URL": vault.url,
        "DEFAULT_LOGIN_ENDPOINT": entra.login,
        "DEFAULT_GRAPH_ENDPOINT": entra.graph,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    product = bootstrap.app.__wrapped__()
    for module in (*MODULES, queues, timers):
        monkeypatch.setattr(module, "app", lambda: product)
    yield Deployment(routes, product, azurite, vault)
    # what is deployed lives as long as its process, and closes nothing
    opened: list[Any] = [entra_of(product.ports), product.ports.secrets, product.ports.queue]
    tenants_store: Any = product.ports.tenants
    for each in (*opened, tenants_store._tables):
        await each.close()
