"""The complete simulator, listening on 127.0.0.1."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from infra.local.entra.applications_http import admin_application, graph_application, login_application
from infra.local.entra.state.simulator import State

_HOST = "127.0.0.1"
_SHUTDOWN_S = 1.0


class EntraSimulator:
    """`async with EntraSimulator(cert=..., key=...) as entra:` provides `entra.login`, `entra.graph`, `entra.admin`.

    Ports of 0 are replaced by free ones. `environment` replaces the environment of the process (`IDENTITY_HEADER`).
    """

    def __init__(
        self,
        *,
        cert: Path,
        key: Path,
        scale: float = 1.0,
        login_port: int = 0,
        graph_port: int = 0,
        admin_port: int = 0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.state = State(scale=scale, environment=environment)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(cert, key)
        self._ports = (login_port, graph_port, admin_port)
        self._runners: list[web.AppRunner] = []

    @property
    def login(self) -> str:
        """Address of the login service, https."""
        return self.state.login

    @property
    def graph(self) -> str:
        """Address of Graph, https, without the version."""
        return self.state.graph

    @property
    def admin(self) -> str:
        """Address of the admin API and the managed identity endpoint, http."""
        return self.state.admin

    async def __aenter__(self) -> Self:
        login_port, graph_port, admin_port = self._ports
        state = self.state
        try:
            state.login = await self._listen(login_application(state), login_port, tls=True)
            state.graph = await self._listen(graph_application(state), graph_port, tls=True)
            state.admin = await self._listen(admin_application(state), admin_port, tls=False)
        except OSError:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _listen(self, application: web.Application, port: int, *, tls: bool) -> str:
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, _HOST, port, ssl_context=self._tls if tls else None)
        await site.start()
        bound: tuple[str, int] = runner.addresses[0]
        return f"{'https' if tls else 'http'}://{_HOST}:{bound[1]}"

    async def _close(self) -> None:
        while self._runners:
            await self._runners.pop().cleanup()
