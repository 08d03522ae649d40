"""Cold start: a worker that imports and indexes the deployed app, and handles its first request.

It is measured on the package (`infra/package`), because some packages import optional packages of the development
environment.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infra.package.build import SITE_PACKAGES, build
from tests.bench.entra import FOLDER, directory
from tests.bench.results import Result

#: More rounds than elsewhere: a start takes a second, and varies on a shared machine.
_ROUNDS: Final = 15
#: Neither service is called.
_SETTINGS: Final = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "KEY_VAULT_URL": "https://127.0.0.1:1"}
_FLOOR: Final = "import azure.functions"
_APP: Final = "import function_app; assert function_app.app.get_functions()"
#: The steps of a job, on the adapters that the settings name. Credentials are read from standard input.
_FIRST: Final = """
import function_app; function_app.app.get_functions()
indexed = time.process_time()
import asyncio, json
from shared.bootstrap import app
from shared.domain.connections.entra.credentials import ClientSecret, Credentials, Endpoints
async def first(known):
    credentials = Credentials(
        azure_tenant_id=known["azure_tenant_id"],
        client_id=known["application_id"],
        proof=ClientSecret(value=known["client_secret"]),
        endpoints=Endpoints(login=known["login"], graph=known["graph"]),
    )
    async with app().ports.providers["entra"].sessions.open(credentials) as opened:
        await opened.change_cursor()
asyncio.run(first(json.load(sys.stdin)))
"""
_PROGRAM: Final = """
import sys, time
sys.path[:0] = sys.argv[1:]
began = indexed = time.process_time()
{work}
ended = time.process_time()
print(ended - began, ended - indexed)
"""


async def measure() -> list[Result]:
    """Return the CPU ratio of the first request to the import alone, and the CPU seconds up to the first response."""
    work = FOLDER / "package"
    build(FOLDER / "package.zip", work)
    root = work / "root"
    floor, app, first = [], [], []
    async with directory(users=1) as known:
        settings = _SETTINGS | {"ALLOWED_ENDPOINTS": f"{known.known['login']}|{known.known['graph']}"}
        for _ in range(_ROUNDS):
            floor.append(_cpu_s(root, _FLOOR)[0])
            app.append(_cpu_s(root, _APP)[0])
            first.append(_cpu_s(root, _FIRST, settings=settings, entered=known.known)[1])
    return [
        Result(
            key="cold_start",
            value=statistics.median(app) / statistics.median(floor),
            goal=2.5,
            measured={
                "azure_functions_cpu_ms": 1_000 * statistics.median(floor),
                "app_cpu_ms": 1_000 * statistics.median(app),
            },
        ),
        Result(
            key="cold_start_first_answer_s",
            value=statistics.median(first),
            goal=0.5,
            measured={
                "after": "importing and indexing the app",
                "includes": "wiring the app, one token, one Graph request, all imports",
                "fastest_s": min(first),
                "slowest_s": max(first),
            },
        ),
    ]


def _cpu_s(
    root: Path,
    work: str,
    *,
    settings: Mapping[str, str] | None = None,
    entered: Any = None,  # noqa: ANN401 - whatever JSON can say
) -> list[float]:
    command = [sys.executable, "-I", "-S", "-B", "-c", _PROGRAM.format(work=work), str(root), str(root / SITE_PACKAGES)]
    done = subprocess.run(
        command,
        cwd=root,
        env={**os.environ, **(settings or {})},
        input=json.dumps(entered),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ChildProcessError(done.stderr)
    return [float(each) for each in done.stdout.split()]
