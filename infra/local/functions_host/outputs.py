"""Queue outputs: turns the value that a function set into messages.

As in Azure, a `str` that looks like JSON is parsed. An array becomes one message per element, and an object is
serialised again with indentation. `bytes`, lists of `str` and other text are sent unchanged.

Source: FunctionBinding.cs of the Functions host, `ReadAsEnumerable` and `BindAsyncCollectorAsync`.
"""

import json

from azure.storage.queue.aio import QueueClient

from infra.local.functions_host.connections import Connections
from infra.local.functions_host.definitions import QueueOutput
from infra.local.functions_host.queues import encode, send
from infra.local.functions_host.worker import Datum

_BRACKETS = (("{", "}"), ("[", "]"))


def messages_of(value: Datum) -> list[bytes]:
    """Return the message bodies for the value of an output.

    Raises:
        ValueError: The text begins and ends like JSON but is not JSON. As in Azure, this fails the invocation.
    """
    if value.type == "bytes":
        return [bytes(value.value)]
    text = str(value.value)
    if value.type == "json" or _looks_like_json(text):
        parsed = json.loads(text)
        return [_as_dotnet_text(one).encode() for one in (parsed if isinstance(parsed, list) else [parsed])]
    return [text.encode()]


class QueueOutputs:
    """Sends the queue outputs of functions. As in Azure, a listener finds the message only at its next poll."""

    def __init__(self, connections: Connections, *, is_base64: bool) -> None:
        self._connections = connections
        self._is_base64 = is_base64
        self._clients: dict[tuple[str, str], QueueClient] = {}

    async def send(self, output: QueueOutput, value: Datum) -> None:
        """Send every value that the function set to the output's queue, which is created if it is missing."""
        queue = self._client(output)
        for body in messages_of(value):
            await send(queue, encode(body, is_base64=self._is_base64))

    def _client(self, output: QueueOutput) -> QueueClient:
        key = (output.connection, output.queue)
        if key not in self._clients:
            self._clients[key] = self._connections.queues(output.connection).get_queue_client(output.queue)
        return self._clients[key]


def _looks_like_json(text: str) -> bool:
    stripped = text.strip()
    return any(stripped.startswith(first) and stripped.endswith(last) for first, last in _BRACKETS)


def _as_dotnet_text(value: object) -> str:
    """Return the text of `JToken.ToString()`: indented containers, bare strings, `True`, `False`, "" for null."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    return json.dumps(value, indent=2, ensure_ascii=False)
