"""Size of the zipped deployment package."""

from typing import Final

from infra.local.stack.child import ROOT
from infra.package.build import build
from tests.bench.entra import FOLDER
from tests.bench.results import Result

_MB: Final = 1_000_000


async def measure() -> Result:
    """Return the size in MB."""
    built = build(FOLDER / "package.zip", ROOT / ".local" / "package")
    return Result(
        key="package",
        value=built.zipped / _MB,
        goal=40,
        measured={
            "unzipped_mb": built.unzipped / _MB,
            "sdk_files": built.sdk_files,
            "sdk_files_before": built.sdk_files_before,
            "sdk_mb": built.sdk_bytes / _MB,
            "sdk_mb_before": built.sdk_bytes_before / _MB,
            "functions": built.functions,
        },
    )
