"""The four programs of the stack: their commands, and the requests that show when they are ready."""

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from infra.local.azurite import Azurite
from infra.local.stack import readiness
from infra.local.stack.certificates import Certificates
from infra.local.stack.child import ROOT
from infra.local.stack.ports import LOCALHOST, Ports
from infra.local.stack.supervisor import Part

HOST = "host"
AZURITE = "azurite"
ENTRA = "entra"
KEY_VAULT = "key_vault"


class HostUnavailable(Exception):
    """The requested Functions host is not available. The message says what to install."""


def azurite_part(azurite: Azurite, folder: Path | None = None, *, indexed: bool = False) -> Part:
    """Return the storage emulator, with its data in a folder, or in memory, and with an index of table rows.

    Raises:
        AzuriteUnavailable: It is not installed.
    """
    return Part(
        name=AZURITE,
        command=azurite.command(folder, indexed=indexed),
        answers=lambda: asyncio.to_thread(azurite.answers),
        end_grace_s=3 if folder is None else 60,
    )


def entra_part(ports: Ports, certificates: Certificates, *, scale: float, identity_header: str) -> Part:
    """Return the login service and Microsoft Graph. They are ready when the sample directories are.

    The part also imitates the managed identity endpoint, which requires `identity_header`.
    """
    admin = f"http://{LOCALHOST}:{ports.simulator_admin}/admin/directories"
    listen = ["--login-port", ports.login, "--graph-port", ports.graph, "--admin-port", ports.simulator_admin]
    return Part(
        name=ENTRA,
        command=_python("infra.local.entra", *listen, *_tls(certificates), "--scale", f"{scale:g}"),
        environment={"IDENTITY_HEADER": identity_header},
        answers=lambda: _answers(admin, HTTPStatus.OK),
        start_timeout_s=120,
        end_grace_s=3,
    )


def key_vault_part(ports: Ports, certificates: Certificates, folder: Path | None = None) -> Part:
    """Return the vault. Its secrets are in a folder or in memory, like the storage that refers to them."""
    url = f"https://{LOCALHOST}:{ports.key_vault}/secrets"
    kept = [] if folder is None else ["--data", folder / "vault.json"]
    return Part(
        name=KEY_VAULT,
        command=_python("infra.local.key_vault", "--port", ports.key_vault, *_tls(certificates), *kept),
        answers=lambda: _answers(url, HTTPStatus.UNAUTHORIZED, ca=certificates.ca),
        end_grace_s=3,
    )


def host_part(port: int, settings: Mapping[str, str], *, kind: str, name: str = HOST) -> Part:
    """Return the Functions host with the product.

    `local` is the host of this repository with all functions in one process, `groups` the same with one process per
    scale group, and `func` is Core Tools.

    Raises:
        HostUnavailable: Core Tools are not installed, or `kind` is none of the three.
    """
    health = f"http://{LOCALHOST}:{port}/api/health"
    if kind in {"local", "groups"}:
        command = _python("infra.local.functions_host", "--root", ROOT, "--port", port, "--drain-seconds", 10)
        command += ["--process-per-group"] if kind == "groups" else []
    elif kind == "func":
        command = [_core_tools(), "start", "--port", str(port)]
        interpreter = Path(sys.executable)
        settings = {
            **settings,
            "languageWorkers__python__defaultExecutablePath": str(interpreter),
            "PATH": f"{interpreter.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        }
    else:
        raise HostUnavailable(
            f"Invalid HOST {kind!r}: use HOST=local (the default), HOST=groups (one process per scale group) or "
            "HOST=func (Core Tools)."
        )
    key = {"x-functions-key": settings["FUNCTIONS_HOST_KEY"]}
    return Part(
        name=name,
        command=command,
        environment=settings,
        answers=lambda: _answers(health, HTTPStatus.OK, headers=key),
        end_grace_s=15,
    )


def _core_tools() -> str:
    path = shutil.which("func")
    if path is None:
        raise HostUnavailable(
            "HOST=func needs Azure Functions Core Tools 4, and no `func` is on the PATH: install the npm package "
            "azure-functions-core-tools@4, or leave HOST out to use the local host."
        )
    return path


def _python(module: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", module, *map(str, arguments)]


def _tls(certificates: Certificates) -> list[str]:
    return ["--cert", str(certificates.cert), "--key", str(certificates.key)]


async def _answers(
    url: str, status: HTTPStatus, *, ca: Path | None = None, headers: Mapping[str, str] | None = None
) -> bool:
    answer = await asyncio.to_thread(readiness.get, url, ca=ca, headers=headers)
    return answer is not None and answer.status == status
