"""A snapshot as running stand-ins: `async with Deployment(...) as deployment`."""

import asyncio
import secrets
from contextlib import AsyncExitStack
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from infra.azure.snapshot import Snapshot
from infra.local.stack import readiness
from infra.local.stack.certificates import Certificates, ensure_certificates
from infra.local.stack.ports import LOCALHOST, Ports
from infra.local.stack.programs import HOST, entra_part, key_vault_part
from infra.local.stack.supervisor import Part, Supervisor
from infra.rehearsal.gateway import (
    Access,
    Classify,
    Gateway,
    Refuse,
    storage_refusal,
    table_refusal,
    telemetry_refusal,
    vault_refusal,
)
from infra.rehearsal.ingestion import Ingestion
from infra.rehearsal.operations import (
    blob_operation,
    queue_operation,
    table_operation,
    telemetry_operation,
    vault_operation,
)
from infra.rehearsal.package import UnpackedPackage
from infra.rehearsal.storage import Storage

#: Client id of the app's user-assigned identity, which only Azure knows before a deployment.
CLIENT_ID: Final = "33333333-3333-3333-3333-333333333333"
_ACCOUNT: Final = "Microsoft.Storage/storageAccounts"
_STORAGE: Final[dict[str, tuple[Classify, Refuse]]] = {
    "blob": (blob_operation, storage_refusal),
    "queue": (queue_operation, storage_refusal),
    "table": (table_operation, table_refusal),
}


class Deployment:
    """The stand-ins of one snapshot, with a gateway per service, and the host with the package.

    `gateways` maps the name of a storage account, of the vault or of Application Insights, and a service, to its
    gateway. `ingestion` has the telemetry.
    """

    def __init__(self, snapshot: Snapshot, package: UnpackedPackage, *, directory: Path, scale: float) -> None:
        self.snapshot = snapshot
        self.gateways: dict[tuple[str, str], Gateway] = {}
        self.ingestion = Ingestion()
        self._package = package
        self._directory = directory
        self._log = directory / "logs" / f"{HOST}.log"
        self._scale = scale
        self._key = secrets.token_urlsafe(24)
        self._ports = Ports.free()
        self._supervisor = Supervisor(directory)
        self._opened = AsyncExitStack()
        self._directories: dict[str, Any] = {}
        #: How the host runs: the setting that it lacks, and whether it serves HTTP only; None if it does not run.
        self._host: tuple[str | None, bool] | None = None

    async def __aenter__(self) -> Self:
        """Start all stand-ins, with the tables and queues of the snapshot. The host is not started yet."""
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
        """Addresses and keys, by the names of `stack.json`."""
        host = f"http://{LOCALHOST}:{self._ports.host}"
        return {
            "api": f"{host}/api",
            "host": host,
            "key": self._key,
            "login": f"https://{LOCALHOST}:{self._ports.login}",
            "graph": f"https://{LOCALHOST}:{self._ports.graph}",
            "simulator_admin": f"http://{LOCALHOST}:{self._ports.simulator_admin}",
            "directories": self._directories,
        }

    def app_settings(self) -> dict[str, str]:
        """Return the app settings of the snapshot, with the stand-ins in place of Azure's and Microsoft's addresses."""
        login, graph = self.info["login"], self.info["graph"]
        endpoints = {
            "DEFAULT_LOGIN_ENDPOINT": login,
            "DEFAULT_GRAPH_ENDPOINT": graph,
            "ALLOWED_ENDPOINTS": f"{login}|{graph}",
        }
        return self.snapshot.evaluated_settings(self._value) | endpoints

    async def run_host(self, *, without: str | None = None, http_only: bool = False) -> None:
        """Start the host with the app settings, except the one named `without`, and wait until it answers.

        In Azure, HTTP functions have hosts of their own: with `http_only`, it listens to no queue or timer. A host that
        runs like that already is left as it is, and one that does not is ended before.

        Raises:
            PartFailed: It did not start. The message contains the end of its log.
        """
        wanted = (without, http_only)
        if self._host == wanted:
            return
        await self.stop_host()
        settings = {name: value for name, value in self.app_settings().items() if name != without}
        command = self._package.command(
            settings | self._platform(),
            *("--port", str(self._ports.host), "--drain-seconds", "5"),
            *(["--http-only"] if http_only else []),
        )
        self._log.unlink(missing_ok=True)
        self._supervisor.start(Part(name=HOST, command=command, answers=self._host_answers, end_grace_s=10))
        await self._supervisor.ready(HOST)
        self._host = wanted

    async def stop_host(self) -> None:
        """End the host, if it runs."""
        self._host = None
        if HOST in self._supervisor.pids:
            await self._supervisor.stop(HOST)

    def host_log(self) -> str:
        """Return the log of the host since its last start."""
        return self._log.read_text(encoding="utf-8")

    async def put_message(self, queue: str, text: str) -> None:
        """Put a message on a queue of the first storage account, as the operator."""
        await self._storage.put_message(self.snapshot.storage_accounts[0], queue, text)

    def _platform(self) -> dict[str, str]:
        """Return what the platform sets, and the trust in the stand-ins' certificates."""
        bundle = str(self._certificates.bundle)
        has_sign_in = any(
            config["name"].endswith("/authsettingsV2") for config in self.snapshot.of_type("Microsoft.Web/sites/config")
        )
        return {
            "IDENTITY_ENDPOINT": f"{self.info['simulator_admin']}/identity",
            "IDENTITY_HEADER": self._key,
            "FUNCTIONS_HOST_KEY": self._key,
            "SSL_CERT_FILE": bundle,
            "REQUESTS_CA_BUNDLE": bundle,
            "NO_PROXY": LOCALHOST,
            **({"WEBSITE_AUTH_ENABLED": "True"} if has_sign_in else {}),
        }

    def _value(self, resource: str, path: str) -> str:
        """Return what only Azure knows: the property `path` of a resource."""
        name = resource.rsplit("/", maxsplit=1)[-1]
        match path.split("."):
            case ["clientId"]:
                return CLIENT_ID
            case ["primaryEndpoints", service]:
                return f"{self.gateways[name, service].url}/"
            case ["vaultUri"]:
                return f"{self.gateways[name, 'vault'].url}/"
            case ["ConnectionString"]:
                address = self.gateways[name, "telemetry"].url
                return f"InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint={address}"
            case _:
                raise KeyError(f"{path} of {resource}")

    async def _host_answers(self) -> bool:
        answer = await asyncio.to_thread(readiness.get, f"{self.info['host']}/admin/host/ping")
        return answer is not None and answer.status == HTTPStatus.OK

    async def _start(self) -> None:
        self._certificates: Certificates = ensure_certificates(self._directory / "tls")
        self._storage = Storage(ports=self._ports, certificates=self._certificates)
        parts = [
            self._storage.part(self.snapshot.storage_accounts),
            entra_part(self._ports, self._certificates, scale=self._scale, identity_header=self._key),
            key_vault_part(self._ports, self._certificates),
        ]
        for part in parts:
            (self._directory / "logs" / f"{part.name}.log").unlink(missing_ok=True)
            self._supervisor.start(part)
        for part in parts:
            await self._supervisor.ready(part.name)
        answer = await asyncio.to_thread(readiness.get, f"{self.info['simulator_admin']}/admin/directories")
        self._directories = msgspec.json.decode(answer.body) if answer is not None else {}
        await self._storage.create(self.snapshot)
        for account in self.snapshot.of_type(_ACCOUNT):
            for service in _STORAGE:
                await self._open_storage(account["id"], account["name"], service)
        vault = self.snapshot.one("Microsoft.KeyVault/vaults")
        target = f"https://{LOCALHOST}:{self._ports.key_vault}"
        await self._open((vault["name"], "vault"), self._access(vault["id"]), (vault_operation, vault_refusal), target)
        await self._opened.enter_async_context(self.ingestion)
        insights, kind = self.snapshot.one("Microsoft.Insights/components"), (telemetry_operation, telemetry_refusal)
        key = (insights["name"], "telemetry")
        await self._open(key, self._access(insights["id"]), kind, self.ingestion.url)

    async def _open_storage(self, resource: str, account: str, service: str) -> None:
        deployed = {"queue": self.snapshot.queues, "table": self.snapshot.tables}
        access = self._access(resource)
        if service in deployed:
            access.deployed = set(deployed[service](account))
        await self._open((account, service), access, _STORAGE[service], self._storage.origin(service), account)

    async def _open(
        self, key: tuple[str, str], access: Access, kind: tuple[Classify, Refuse], target: str, account: str = ""
    ) -> None:
        gateway = Gateway(
            access,
            classify=kind[0],
            refuse=kind[1],
            target=target,
            account=account,
            certificates=self._certificates,
        )
        self.gateways[key] = await self._opened.enter_async_context(gateway)

    def _access(self, resource: str) -> Access:
        return Access(client_id=CLIENT_ID, roles={role.id for role in self.snapshot.roles() if role.scope == resource})

    async def _end(self) -> None:
        await self._opened.aclose()
        await self._supervisor.end()
