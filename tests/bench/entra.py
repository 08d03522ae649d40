"""A simulated directory for benchmarks, in another process, so that its CPU time is not counted."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

import httpx

from infra.local.stack.certificates import Certificates, ensure_certificates
from infra.local.stack.child import ROOT, Child
from infra.local.stack.ports import LOCALHOST, Ports
from shared.adapters.entra import GraphDirectoryFactory
from shared.domain.connections.entra.credentials import ClientSecret, Credentials, Endpoints

FOLDER: Final = ROOT / ".local" / "bench"
_START_S: Final = 60.0
_POLL_S: Final = 0.05
_NAME: Final = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A running directory."""

    #: Description by the simulator, and its addresses.
    known: dict[str, Any]
    admin: str

    @property
    def name(self) -> str:
        """The simulator's name of it."""
        return _NAME

    @property
    def company(self) -> str:
        """The company of all its users."""
        return _NAME.capitalize()

    @property
    def credentials(self) -> Credentials:
        """The credentials that can read it."""
        return credentials_of(self.known)


def credentials_of(known: Mapping[str, Any]) -> Credentials:
    """Return credentials for a directory with this description."""
    return Credentials(
        azure_tenant_id=known["azure_tenant_id"],
        client_id=known["application_id"],
        proof=ClientSecret(value=known["client_secret"]),
        endpoints=Endpoints(login=known["login"], graph=known["graph"]),
    )


def certificates() -> Certificates:
    """Return the authority that benchmarks trust. SSL_CERT_FILE must be its bundle."""
    return ensure_certificates(FOLDER / "certificates")


@asynccontextmanager
async def directory(*, users: int, groups: int = 0, group_size: int | None = None) -> AsyncIterator[Directory]:
    """Yield a new directory with these numbers of users and groups.

    Groups are of all kinds, or of equal size with `group_size`.
    """
    ports, files = Ports.free(), certificates()
    admin = f"http://{LOCALHOST}:{ports.simulator_admin}/admin"
    command = [sys.executable, "-m", "infra.local.entra", "--cert", str(files.cert), "--key", str(files.key)]
    command += ["--login-port", str(ports.login), "--graph-port", str(ports.graph), "--scale", "0.01"]
    command += ["--admin-port", str(ports.simulator_admin)]
    child = Child("entra", command, log=FOLDER / f"entra-{os.getpid()}.log", environment={})
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=_START_S) as client:
            await _started(client, child, f"{admin}/directories")
            plan = {"name": _NAME, "users": users, "groups": groups, "group_size": group_size}
            (await client.post(f"{admin}/directories", json=plan)).raise_for_status()
            known = (await client.get(f"{admin}/directories/{_NAME}")).json()
        addresses = {"login": f"https://{LOCALHOST}:{ports.login}", "graph": f"https://{LOCALHOST}:{ports.graph}"}
        yield Directory(known=known | addresses, admin=admin)
    finally:
        child.end()


async def _started(client: httpx.AsyncClient, child: Child, url: str) -> None:
    deadline_s = monotonic() + _START_S
    while child.exit_code is None and monotonic() < deadline_s:
        try:
            await client.get(url)
        except httpx.TransportError:
            await asyncio.sleep(_POLL_S)
        else:
            return
    raise ChildProcessError(f"the simulator did not start: {child.tail()}")


def directories() -> GraphDirectoryFactory:
    """Return the deployed adapter, with permission to call this machine."""
    return GraphDirectoryFactory(own_hosts=frozenset({LOCALHOST}))
