"""Build the deployment package and print its size: `python -m infra.package`."""

import argparse
import sys
from pathlib import Path

from infra.local.stack.child import ROOT
from infra.package.build import build
from infra.package.trim import PackageError

_MB = 1_000_000


def main() -> int:
    """Build the package and return 0. Return 1 after printing the reason if it cannot be built."""
    parser = argparse.ArgumentParser(prog="python -m infra.package")
    parser.add_argument("--out", type=Path, default=ROOT / ".local" / "package.zip")
    out = parser.parse_args().out
    try:
        built = build(out, ROOT / ".local" / "package")
    except PackageError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{built.path}: {built.zipped / _MB:.1f} MB zipped, {built.unzipped / _MB:.1f} MB unpacked.")
    print(f"{built.functions} functions.")
    print(
        f"Of the Graph SDK {built.sdk_files} of {built.sdk_files_before} files, "
        f"{built.sdk_bytes / _MB:.2f} MB of {built.sdk_bytes_before / _MB:.0f}."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
