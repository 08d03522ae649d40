"""JSON batching (`$batch`): several requests in one, each with a response of its own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from shared.adapters.entra import links
from shared.adapters.entra.decoding import decoded
from shared.adapters.entra.schema import BatchAnswer, BatchAnswers
from shared.adapters.entra.throttle import REFUSALS
from shared.telemetry import measure
from shared.telemetry.metrics import GRAPH_REQUESTS

if TYPE_CHECKING:
    from shared.adapters.entra.client import GraphClient

#: Maximum number of requests in one batch. Source: https://learn.microsoft.com/graph/json-batching
MOST: Final = 20


async def ask(client: "GraphClient", requests: Sequence[Mapping[str, Any]]) -> list[BatchAnswer]:
    """Send requests as one batch. Return the responses in any order, and let the client's throttle adapt to them.

    Raises the errors of the client if the whole batch is refused.
    """
    sent_s = client.throttle.now_s()
    content = await client.post(links.path(client.graph, "$batch"), msgspec.json.encode({"requests": requests}))
    responses = (await decoded(content, BatchAnswers)).responses
    for response in responses:
        headers = {name.lower(): value for name, value in (response.headers or {}).items()}
        client.throttle.record_response(response.status, headers, sent_s=sent_s)
        if response.status in REFUSALS:
            measure(GRAPH_REQUESTS, outcome="throttled")
    return responses
