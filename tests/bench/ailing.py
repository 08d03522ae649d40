"""Directories that fail, with the response times that the product's client would have."""

import asyncio
from enum import StrEnum
from typing import Final

from shared.adapters.entra import client
from shared.domain.retry_policy import GRAPH_REQUEST
from shared.errors import LoginRefused, NeedsAttention, Transient
from shared.telemetry import count_directory_request
from tests.bench.crowd import Crowd

#: `Retry-After` of a throttled directory, in seconds.
_RETRY_AFTER_S: Final = 10.0
#: Waits of the SDK's retry handler before its second and third attempt, in seconds, without jitter.
_BACKOFF_S: Final = (1.25, 1.5)


class Ailment(StrEnum):
    """Kinds of failures."""

    REFUSED = "the secret is refused"
    FORBIDDEN = "a permission is missing"
    FAILING = "503 without a waiting time"
    THROTTLED = "429 with Retry-After"
    HANGING = "no answer until the client gives up"


class Ailing(Crowd):
    """A generated directory that may fail. Its client in the worker fails in the same way, by `suffer`."""

    #: How every request fails; None if none does.
    ailment: Ailment | None = None


async def suffer(ailment: Ailment) -> None:
    """Wait and fail as the product's client does."""
    match ailment:
        case Ailment.REFUSED:
            raise LoginRefused("Invalid client secret provided.", code="AADSTS7000215")
        case Ailment.FORBIDDEN:
            raise NeedsAttention("403", code="Authorization_RequestDenied")
        case Ailment.FAILING:
            for wait_s in _BACKOFF_S:
                count_directory_request()
                await asyncio.sleep(wait_s)
            raise Transient("503", code="graph_failing")
        case Ailment.THROTTLED:
            # the client waits for a short time itself, the queue for a long one
            for _ in range(GRAPH_REQUEST.retries if GRAPH_REQUEST.max_wait_s >= _RETRY_AFTER_S else 0):
                count_directory_request()
                await asyncio.sleep(_RETRY_AFTER_S)
            raise Transient("429", code="throttled", retry_after_s=_RETRY_AFTER_S)
        case Ailment.HANGING:
            count_directory_request()
            await asyncio.sleep(client._SILENCE_S)
            raise Transient("silence", code="graph_unreachable")
