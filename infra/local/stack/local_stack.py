"""The complete stack on 127.0.0.1: `async with LocalStack() as stack`."""

import asyncio
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

import msgspec

from infra.local.azurite import Azurite
from infra.local.stack import processes, readiness
from infra.local.stack.certificates import ensure_certificates
from infra.local.stack.child import ROOT
from infra.local.stack.host_settings import host_settings
from infra.local.stack.ports import LOCALHOST, Ports
from infra.local.stack.programs import HOST, azurite_part, entra_part, host_part, key_vault_part
from infra.local.stack.supervisor import PartFailed, Supervisor

FILE = "stack.json"
#: Folder of the traces, metrics and logs of the running stack, and of the last one.
TELEMETRY = "telemetry"


class AlreadyRunning(Exception):
    """Another stack uses the same directory. The message says how to end it."""


class Directory(msgspec.Struct):
    """Credentials of a sample directory. A field is None if the directory has no such object."""

    azure_tenant_id: str
    application_id: str
    object_id: str | None
    client_secret: str | None


class LocalStack:
    """Storage, directories, vault and the Functions host, running inside `async with`.

    Logs, certificates and the record of processes are in `directory`. All other data is kept in memory, unless the
    stack is `persistent`: then storage and vault have theirs in `directory`, too. `scale` shrinks the sample
    directories (0.01 is 100 times smaller). `environment` overrides settings of the host. `host` chooses the host of
    this repository (`local`, or `groups` with one process per scale group) or Core Tools (`func`). `indexed` lets
    tables have 100,000 rows.
    """

    def __init__(
        self,
        *,
        directory: Path = ROOT / ".local",
        ports: Ports | None = None,
        scale: float = 1,
        environment: Mapping[str, str] | None = None,
        host: str = "local",
        persistent: bool = False,
        indexed: bool = False,
    ) -> None:
        self.directory = directory
        self._ports = ports or Ports()
        self._scale = scale
        self._environment = dict(environment or {})
        self._host_kind = host
        self._data = directory / "data" if persistent else None
        self._indexed = indexed
        self._key = secrets.token_urlsafe(24)
        self._supervisor = Supervisor(directory)
        self._directories: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        """Start all parts, wait until the API responds, and write the addresses to `stack.json`.

        Raises:
            AlreadyRunning: A running stack uses the directory.
            PortsUnavailable: A port is in use.
            AzuriteUnavailable: Node or Azurite is missing.
            HostUnavailable: Core Tools are requested and missing.
            PartFailed: A part did not start.
        """
        _refuse_second(self.directory)
        self._ports.check()
        try:
            await self._start()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    @property
    def info(self) -> dict[str, Any]:
        """The content of `stack.json`: addresses, keys, sample directories, process ids."""
        host = f"http://{LOCALHOST}:{self._ports.host}"
        return {
            "api": f"{host}/api",
            "host": host,
            "key": self._key,
            "login": self._login,
            "graph": self._graph,
            "simulator_admin": self._admin,
            "key_vault": self._key_vault,
            "tables": self._azurite.table_url,
            "queues": self._azurite.queue_url,
            "connection_string": self._azurite.connection_string,
            "ca": str(self._certificates.ca),
            "directories": self._directories,
            "pids": self._supervisor.pids,
        }

    async def failure(self) -> NoReturn:
        """Wait until a part ends unexpectedly.

        Raises:
            PartFailed: Always, when that happens.
        """
        await self._supervisor.failure()

    async def start_host(
        self, environment: Mapping[str, str] | None = None, *, name: str = HOST, port: int | None = None
    ) -> None:
        """Start the Functions host, with `environment` over its settings, and wait until its API responds.

        Further hosts need another `name` and `port`. Must be called from the main thread.
        """
        settings = {**self._settings(), **(environment or {})}
        self._supervisor.start(host_part(port or self._ports.host, settings, kind=self._host_kind, name=name))
        await self._supervisor.ready(name)
        processes.write_atomically(self.directory / FILE, self.info)

    async def stop_host(self, name: str = HOST) -> None:
        """Drain and end a Functions host."""
        await self._supervisor.stop(name)

    def kill_host(self, name: str = HOST) -> None:
        """Kill a Functions host while it works, as a crash would."""
        self._supervisor.kill(name)

    async def restart(self, name: str, *, kill: bool = False) -> None:
        """End or kill a part, and start it again. What it had in memory only is lost."""
        await self._supervisor.restart(name, kill=kill)

    @property
    def _azurite(self) -> Azurite:
        ports = self._ports
        return Azurite(blob_port=ports.blob, queue_port=ports.queue, table_port=ports.table)

    @property
    def _login(self) -> str:
        return f"https://{LOCALHOST}:{self._ports.login}"

    @property
    def _graph(self) -> str:
        return f"https://{LOCALHOST}:{self._ports.graph}"

    @property
    def _key_vault(self) -> str:
        return f"https://{LOCALHOST}:{self._ports.key_vault}"

    @property
    def _admin(self) -> str:
        return f"http://{LOCALHOST}:{self._ports.simulator_admin}"

    def _settings(self) -> dict[str, str]:
        settings = host_settings(
            azurite=self._azurite,
            certificates=self._certificates,
            key=self._key,
            key_vault=self._key_vault,
            login=self._login,
            graph=self._graph,
            identity=f"{self._admin}/identity",
            telemetry=self.directory / TELEMETRY,
        )
        return {**settings, **self._environment}

    async def _start(self) -> None:
        self._certificates = ensure_certificates(self.directory / "tls")
        parts = [
            azurite_part(self._azurite, self._data, indexed=self._indexed),
            entra_part(self._ports, self._certificates, scale=self._scale, identity_header=self._key),
            key_vault_part(self._ports, self._certificates, self._data),
        ]
        if self._data is not None:
            shutil.rmtree(self._data, ignore_errors=True)
            self._data.mkdir(parents=True)
        for name in (*(part.name for part in parts), HOST):
            (self.directory / "logs" / f"{name}.log").unlink(missing_ok=True)
        shutil.rmtree(self.directory / TELEMETRY, ignore_errors=True)
        for part in parts:
            self._supervisor.start(part)
        for part in parts:
            await self._supervisor.ready(part.name)
        self._directories = await self._sample_directories()
        await self.start_host()

    async def _sample_directories(self) -> dict[str, Any]:
        answer = await asyncio.to_thread(readiness.get, f"{self._admin}/admin/directories")
        if answer is None:
            raise PartFailed("entra does not answer any more.")
        directories = msgspec.json.decode(answer.body, type=dict[str, Directory])
        return {name: msgspec.structs.asdict(directory) for name, directory in directories.items()}

    async def _end(self) -> None:
        (self.directory / FILE).unlink(missing_ok=True)
        await self._supervisor.end()


def _refuse_second(directory: Path) -> None:
    """Raise AlreadyRunning if `directory` records a running stack. A stack that has ended is ignored."""
    for recorded in processes.load(directory):
        if recorded.name == "stack" and recorded.process() is not None:
            raise AlreadyRunning(
                f"A stack is already running here (process {recorded.pid}): use it, or end it with `make down`."
            )
