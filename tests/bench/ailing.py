"""Directories that fail, with the response times that the product's client would have."""

import asyncio
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from shared.adapters.entra import client
from shared.domain.directory import ChangesPage, Existence, Source, UsersPage
from shared.domain.ids import ObjectId
from shared.domain.retry_policy import GRAPH_REQUEST
from shared.errors import NeedsAttention, Transient
from shared.telemetry import count_directory_request
from tests.bench.crowd import Crowd
from tests.support.fakes import FakeDirectory

#: `Retry-After` of a throttled directory, in seconds.
_RETRY_AFTER_S: Final = 10.0
#: Waits of the SDK's retry handler before its second and third attempt, in seconds, without jitter.
_BACKOFF_S: Final = (1.25, 1.5)
_SECRET: Final = FakeDirectory().secret


class Ailment(StrEnum):
    """Kinds of failures."""

    REFUSED = "the secret is refused"
    FORBIDDEN = "a permission is missing"
    FAILING = "503 without a waiting time"
    THROTTLED = "429 with Retry-After"
    HANGING = "no answer until the client gives up"


class Ailing(Crowd):
    """A generated directory that fails until it is repaired."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self._ailment: Ailment | None = None

    def falls_ill(self, ailment: Ailment | None) -> None:
        """Fail every request from now on in this way. None ends the failure."""
        self._ailment = ailment
        self.secret = "another" if ailment is Ailment.REFUSED else _SECRET

    async def change_cursor(self) -> str:
        """As `Crowd`, or fail."""
        await self._suffer()
        return await super().change_cursor()

    async def users(self, source: Source, cursor: str | None = None, *, managers: bool = False) -> UsersPage:
        """As `Crowd`, or fail."""
        await self._suffer()
        return await super().users(source, cursor, managers=managers)

    async def changes(self, cursor: str) -> ChangesPage:
        """As `Crowd`, or fail."""
        await self._suffer()
        return await super().changes(cursor)

    async def check_existence(
        self, people: Sequence[ObjectId], groups: Sequence[Source]
    ) -> Mapping[ObjectId, Existence]:
        """As `Crowd`, or fail."""
        await self._suffer()
        return await super().check_existence(people, groups)

    async def _suffer(self) -> None:
        match self._ailment:
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
            case Ailment.REFUSED | None:
                pass
