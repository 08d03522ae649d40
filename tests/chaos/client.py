"""A client of the API that goes on while parts of the stack are down, as clients in production do."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from time import monotonic
from typing import Any, Final
from uuid import uuid4

import aiohttp

from infra.local.demo.api import Api, ApiError

#: How long a request is sent again, in seconds; longer than any part is down.
_PATIENCE_S: Final = 1_800.0
#: Wait before a request is sent again, and for one answer, in seconds.
_AGAIN_S: Final = 0.3
_ANSWER_S: Final = 40.0
#: Statuses and codes after which a request is sent again.
_STATUSES: Final = frozenset({429, 500, 502, 503, 504})
_CODES: Final = frozenset({"contended", "request_in_progress"})


class PatientApi(Api):
    """Sends each request until it is answered, with one `Idempotency-Key`, to one host after the other."""

    def __init__(self, stack: Mapping[str, Any], addresses: Sequence[str]) -> None:
        super().__init__(stack)
        #: Addresses of the hosts' APIs.
        self.addresses = list(addresses)

    async def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON of any route
        """Return the JSON response of a route. Raises ApiError for an error status that stays."""
        return await self._patiently(method, path, json=body)

    async def put_file(self, path: str, content: bytes) -> None:
        """Upload a part of a file. Raises as `call` does."""
        await self._patiently("PUT", path, data=content)

    async def _patiently(self, method: str, path: str, **content: object) -> Any:  # noqa: ANN401 - as above
        headers = {"Idempotency-Key": uuid4().hex} if method == "POST" else {}
        until_s, attempt = monotonic() + _PATIENCE_S, 0
        while True:
            address = self.addresses[attempt % len(self.addresses)]
            try:
                return await self._once(method, f"{address}{path}", headers, content)
            except ApiError as error:
                again = error.status in _STATUSES or error.problem.get("code") in _CODES
                if not again or monotonic() > until_s:
                    raise
            except (aiohttp.ClientError, TimeoutError):
                if monotonic() > until_s:
                    raise
            attempt += 1
            await asyncio.sleep(_AGAIN_S)

    async def _once(self, method: str, url: str, headers: Mapping[str, str], content: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as above
        timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
        async with self.session.request(method, url, headers=headers, timeout=timeout, **content) as response:
            answer = await response.json(content_type=None) if response.content_length != 0 else None
            if response.status >= HTTPStatus.BAD_REQUEST:
                raise ApiError(response.status, answer if isinstance(answer, dict) else {})
            return answer
