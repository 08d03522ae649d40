"""Batches: sends any number of requests to Graph in batches, and repeats those that failed temporarily.

A batch without an answer is halved until the part that prevents one is isolated, so that it does not keep the other
requests from being answered.
"""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from shared.adapters.entra import json_batch
from shared.adapters.entra.client import GraphClient
from shared.adapters.entra.decoding import decode
from shared.adapters.entra.errors import Refused
from shared.adapters.entra.schema import BatchAnswer, Failure
from shared.adapters.entra.throttle import REFUSALS
from shared.domain.retry_policy import EXISTENCE_CHECK
from shared.errors import LoginRefused, SyncError, Transient

#: Maximum number of concurrent batches.
_CONCURRENT: Final = 4
#: Maximum number of batches without an answer in one call. Isolating one part of twenty takes five of them.
_MAX_UNANSWERED: Final = 24
#: Statuses that refuse the connection as a whole, whatever a batch contains.
_DENIED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
#: Error codes of Graph for a user who does not exist. Any other 404, such as a gateway's, proves nothing.
_NO_SUCH_USER: Final = frozenset({"Request_ResourceNotFound", "Directory_ObjectNotFound"})


def proves_absence(answer: BatchAnswer) -> bool:
    """Return whether an answer about a user proves that it does not exist. Raises Transient if it is unreadable."""
    return answer.status == HTTPStatus.NOT_FOUND and decode(bytes(answer.body), Failure).error.code in _NO_SUCH_USER


class Batches:
    """Sends requests through one GraphClient."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    async def answers(self, requests: Sequence[Mapping[str, Any]]) -> dict[int, BatchAnswer]:
        """Return the answers by the number of the request, without those that Graph did not give.

        Raises:
            NeedsAttention: Graph refuses the connection.
            Transient: Graph answers nothing, or throttles some of the requests on every attempt.
        """
        answers: dict[int, BatchAnswer] = {}
        unanswered: list[SyncError] = []
        open_ = list(range(len(requests)))
        for round_ in range(EXISTENCE_CHECK.retries + 1):
            if round_ and not self._client.throttle.left_s:
                await asyncio.sleep(EXISTENCE_CHECK.first_wait_s)
            answers.update(await self._ask_all(requests, open_, unanswered))
            if unanswered and not answers:
                raise unanswered[0]
            open_ = [number for number in open_ if number not in answers or _worth_asking_again(answers[number])]
            if not open_:
                break
        if any(number in answers and answers[number].status == HTTPStatus.TOO_MANY_REQUESTS for number in open_):
            raise Transient(
                "Microsoft Graph limits our requests: parts of a batch are refused each time.",
                code="throttled",
                retry_after_s=self._client.throttle.left_s,
            )
        return answers

    async def _ask_all(
        self, requests: Sequence[Mapping[str, Any]], numbers: Sequence[int], unanswered: list[SyncError]
    ) -> dict[int, BatchAnswer]:
        """Return the answers to some requests. All requests have ended when it returns or raises.

        Errors of batches without an answer are appended to `unanswered`.
        """
        slots = asyncio.Semaphore(_CONCURRENT)
        chunks = [numbers[start : start + json_batch.MOST] for start in range(0, len(numbers), json_batch.MOST)]
        asking = (self._ask(slots, requests, chunk, unanswered) for chunk in chunks)
        answers: dict[int, BatchAnswer] = {}
        failed: list[BaseException] = []
        for result in await asyncio.gather(*asking, return_exceptions=True):
            if isinstance(result, BaseException):
                failed.append(result)
            else:
                answers.update(result)
        if failed:
            raise failed[0]
        return answers

    async def _ask(
        self,
        slots: asyncio.Semaphore,
        requests: Sequence[Mapping[str, Any]],
        numbers: Sequence[int],
        unanswered: list[SyncError],
    ) -> dict[int, BatchAnswer]:
        """Return the answers to the requests of one batch, which is halved while it gets no answer."""
        parts = [{"id": str(number), **requests[number]} for number in numbers]
        try:
            async with slots:
                answers = await json_batch.ask(self._client, parts)
        except SyncError as error:
            if _concerns_every_request(error):
                raise
            unanswered.append(error)
            if len(numbers) == 1 or len(unanswered) >= _MAX_UNANSWERED:
                return {}
            half = len(numbers) // 2
            first = await self._ask(slots, requests, numbers[:half], unanswered)
            return first | await self._ask(slots, requests, numbers[half:], unanswered)
        asked = {str(number): number for number in numbers}
        return {asked[answer.id]: answer for answer in answers if answer.id in asked}


def _concerns_every_request(error: SyncError) -> bool:
    """Return whether a smaller batch would fail as well: the connection is refused, or Graph asks to wait."""
    if isinstance(error, Refused):
        return error.status in _DENIED
    return isinstance(error, LoginRefused) or (isinstance(error, Transient) and error.retry_after_s is not None)


def _worth_asking_again(answer: BatchAnswer) -> bool:
    """Return whether a part failed only temporarily."""
    temporary = answer.status == HTTPStatus.REQUEST_TIMEOUT or answer.status in REFUSALS
    return temporary or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
