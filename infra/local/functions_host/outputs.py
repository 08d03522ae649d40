"""What functions send to queues.

The host turns an output into messages in a way that surprises: a `str` that looks like JSON is parsed, an array becomes
one message per element, an object is written anew and indented. `bytes`, lists of `str` and other text stay.

Source: FunctionBinding.cs of the Functions host, `ReadAsEnumerable` and `BindAsyncCollectorAsync`.
"""

import json
from collections.abc import Callable

from azure.storage.queue.aio import QueueClient

from infra.local.functions_host.connections import Connections
from infra.local.functions_host.definitions import QueueOutput
from infra.local.functions_host.queues import encode, send
from infra.local.functions_host.worker import Datum

_BRACKETS = (("{", "}"), ("[", "]"))


def messages_of(value: Datum) -> list[bytes]:
    """The bodies of the messages an output's value becomes.

    Raises:
        ValueError: text begins and ends like JSON but is none, which fails the invocation in Azure as well.
    """
    if value.type == "bytes":
        return [bytes(value.value)]
    text = str(value.value)
    if value.type == "json" or _looks_like_json(text):
        parsed = json.loads(text)
        return [_as_dotnet_text(one).encode() for one in (parsed if isinstance(parsed, list) else [parsed])]
    return [text.encode()]


class QueueOutputs:
    """Sends what functions set on their queue outputs; tells `notify` the queue, to wake its listener in this host."""

    def __init__(self, connections: Connections, *, is_base64: bool, notify: Callable[[str], None]) -> None:
        self._connections = connections
        self._is_base64 = is_base64
        self._notify = notify
        self._clients: dict[tuple[str, str], QueueClient] = {}

    async def send(self, output: QueueOutput, value: Datum) -> None:
        """Put everything the function set into the output's queue, which is made when it is missing."""
        queue = self._client(output)
        for body in messages_of(value):
            await send(queue, encode(body, is_base64=self._is_base64))
        self._notify(output.queue)

    def _client(self, output: QueueOutput) -> QueueClient:
        key = (output.connection, output.queue)
        if key not in self._clients:
            self._clients[key] = self._connections.queues(output.connection).get_queue_client(output.queue)
        return self._clients[key]


def _looks_like_json(text: str) -> bool:
    stripped = text.strip()
    return any(stripped.startswith(first) and stripped.endswith(last) for first, last in _BRACKETS)


def _as_dotnet_text(value: object) -> str:
    """What `JToken.ToString()` gives: containers indented, strings bare, `True` and `False`, nothing for null."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    return json.dumps(value, indent=2, ensure_ascii=False)
