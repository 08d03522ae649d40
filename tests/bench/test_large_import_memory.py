"""The memory that a large import takes, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: What an import may take, in MiB, however many rows there are: a part of the file, the database's cache, its sorting,
#: and what is imported on the way. 100,000 rows as Python objects, with as many recipients, take some 200.
MAX_MIB = 96


@pytest.mark.parametrize("rows", [100_000])
def test_a_large_import_does_not_hold_its_rows_in_memory(rows: int) -> None:
    """Neither those of the file nor the location's recipients, whether they are created, changed, or left."""
    command = [sys.executable, "-m", "tests.bench.large_import", str(rows)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    report = json.loads(done.stdout)
    assert report["created"]["counts"] == {"created": rows}
    assert report["updated"]["counts"] == {"updated": rows}
    assert report["unchanged"]["counts"] == {}
    assert report["deactivated"]["counts"] == {"deactivated": rows // 20}
    assert report["deactivated"]["peak_mib_more_than_idle"] < MAX_MIB
