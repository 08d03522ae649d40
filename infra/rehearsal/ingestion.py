"""The ingestion endpoint of Application Insights: takes telemetry, and keeps it for the rehearsal to look at.

Source: https://github.com/Azure/azure-sdk-for-python (azure-monitor-opentelemetry-exporter, swagger of v2.1/track)
"""

from collections.abc import Iterator
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

import msgspec
from aiohttp import web

from infra.local.stack.ports import LOCALHOST

_LARGEST_BODY_BYTES: Final = 64 * 1024 * 1024


class Ingestion:
    """Serves http at `url` inside `async with`. It refuses requests without a token: keys are switched off."""

    def __init__(self) -> None:
        #: Everything that was received: envelopes of rows as Application Insights stores them.
        self.envelopes: list[dict[str, Any]] = []
        application = web.Application(client_max_size=_LARGEST_BODY_BYTES)
        application.router.add_post("/v2.1/track", self._track)
        self._runner = web.AppRunner(application, access_log=None)
        self._port = 0

    @property
    def url(self) -> str:
        """Address of the endpoint."""
        return f"http://{LOCALHOST}:{self._port}"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, LOCALHOST, 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def rows(self, base_type: str) -> Iterator[dict[str, Any]]:
        """Iterate over the rows of a type: RequestData, RemoteDependencyData, MessageData or MetricData.

        Each has the fields of the row, and `trace` and `parent` for the ids of its trace and its parent.
        """
        for envelope in list(self.envelopes):
            data, tags = envelope["data"], envelope.get("tags", {})
            if data["baseType"] == base_type:
                yield {
                    **data["baseData"],
                    "trace": tags.get("ai.operation.id"),
                    "parent": tags.get("ai.operation.parentId"),
                }

    async def _track(self, request: web.Request) -> web.Response:
        if "Authorization" not in request.headers:
            return web.json_response({"errors": []}, status=HTTPStatus.UNAUTHORIZED)
        envelopes: list[dict[str, Any]] = msgspec.json.decode(await request.read())
        self.envelopes += envelopes
        number = len(envelopes)
        return web.json_response({"itemsReceived": number, "itemsAccepted": number, "errors": []})
