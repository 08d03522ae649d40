"""A worker that starts, with what is deployed and nothing else: importing and indexing the app, and its first request.

Measured on the package (`infra/package`): a development environment holds what some packages import if they find it.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from infra.package.build import SITE_PACKAGES, build
from tests.bench.entra import FOLDER, directory
from tests.bench.results import ROUNDS, Result

_FLOOR: Final = "import azure.functions"
_APP: Final = "import function_app; assert function_app.app.get_functions()"
#: As a fetch does it; credentials come by standard input.
_FIRST: Final = """
import function_app; function_app.app.get_functions()
indexed = time.process_time()
import asyncio, json
from shared.adapters.graph import GraphDirectoryFactory
from shared.domain.connection import ClientSecret, Credentials, Endpoints
async def first(known):
    factory = GraphDirectoryFactory(own_hosts=frozenset({"127.0.0.1"}))
    credentials = Credentials(
        azure_tenant_id=known["azure_tenant_id"],
        client_id=known["application_id"],
        proof=ClientSecret(value=known["client_secret"]),
        endpoints=Endpoints(login=known["login"], graph=known["graph"]),
    )
    async with factory.open(credentials) as opened:
        await opened.latest_delta_link()
    await factory.close()
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
    """Return how many times the CPU of the import alone it takes, and how much CPU there is up to the first answer."""
    work = FOLDER / "package"
    build(FOLDER / "package.zip", work)
    root = work / "root"
    floor, app = [], []
    for _ in range(ROUNDS):
        floor.append(_cpu_s(root, _FLOOR)[0])
        app.append(_cpu_s(root, _APP)[0])
    async with directory(users=1) as known:
        first = [_cpu_s(root, _FIRST, known.known)[1] for _ in range(ROUNDS)]
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
                "includes": "one token, one Graph request, all imports",
            },
        ),
    ]


def _cpu_s(root: Path, work: str, entered: Any = None) -> list[float]:  # noqa: ANN401 - whatever JSON can say
    command = [sys.executable, "-I", "-S", "-B", "-c", _PROGRAM.format(work=work), str(root), str(root / SITE_PACKAGES)]
    done = subprocess.run(
        command, cwd=root, env=os.environ, input=json.dumps(entered), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ChildProcessError(done.stderr)
    return [float(each) for each in done.stdout.split()]
