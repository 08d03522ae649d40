"""`$batch`: several requests as one, of which each part has an answer of its own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from shared.adapters.entra import links
from shared.adapters.entra.schema import BatchAnswer, BatchAnswers, decode
from shared.runtime.fair_scheduler import turn

if TYPE_CHECKING:
    from shared.adapters.entra.client import GraphClient

#: Most requests in one. Source: https://learn.microsoft.com/graph/json-batching
MOST: Final = 20


async def ask(client: "GraphClient", requests: Sequence[Mapping[str, Any]]) -> list[BatchAnswer]:
    """Return the answers to some requests, in any order; what they say about limits is told to the client's pace.

    Raises: as the client does, if the whole of them was refused.
    """
    sent_s = client.pace.now_s()
    content = await client.post(links.path(client.graph, "$batch"), msgspec.json.encode({"requests": requests}))
    async with turn():
        answers = decode(content, BatchAnswers).responses
    for each in answers:
        client.pace.heard(each.status, each.headers or {}, sent_s=sent_s)
    return answers
