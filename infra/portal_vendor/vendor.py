"""Download pinned npm releases, verify them, and copy them with their licences."""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.local.stack.child import ROOT

FOLDER = ROOT / "shared" / "portal" / "vendor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A released npm package. `integrity` is npm's hash of its archive."""

    name: str
    version: str
    integrity: str
    #: Path in the archive to file name in the vendor folder.
    files: dict[str, str]


RELEASES = (
    Release(
        name="@fluentui/web-components",
        version="3.1.3",
        integrity="sha512-1jl4CHoFFSfevkr8l7F+dKNJzyMWBZqwQfB/khNZtwyY0rv87799mpDWSVu0QeiZAFEbqCtnAOnXWsxJ/kek+Q==",
        files={"dist/web-components-all.min.js": "fluent.js"},
    ),
    Release(
        name="@fluentui/tokens",
        version="1.0.0-alpha.24",
        integrity="sha512-YrjGQfnxBR+9o8wXyTflON3Ohsv7OrZWYLVRU+7RaiFO1gcu36iDm3WjudlVmYuWRLDO0Gmxotm6RQNhbZuEQQ==",
        # the licence of both packages: they share a repository, and only this archive contains it
        files={"LICENSE": "fluent.LICENSE.txt"},
    ),
)
#: Program that prints the light and the dark theme as one style sheet.
_THEMES = """
const { webLightTheme, webDarkTheme } = require(process.argv[1]);
const rule = (theme) => Object.entries(theme).map(([name, value]) => `  --${name}: ${value};`).join("\\n");
const dark = `@media (prefers-color-scheme: dark) {\\n:root {\\n${rule(webDarkTheme)}\\n}\\n}`;
console.log(`:root {\\n${rule(webLightTheme)}\\n}\\n${dark}`);
"""


def main() -> int:
    """Replace the vendor folder by the pinned files and return 0.

    If a hash differs, print the difference and return 1.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        for release in RELEASES:
            archive = _fetched(release, work)
            actual = integrity(archive.read_bytes())
            if actual != release.integrity:
                print(f"{release.name} {release.version} is {actual}, not {release.integrity}.", file=sys.stderr)
                return 1
            _copy(release, archive, work)
        shutil.copyfile(_themes(work), FOLDER / "fluent-themes.css")
    versions = {release.name: {"version": release.version, "integrity": release.integrity} for release in RELEASES}
    (FOLDER / "versions.json").write_text(json.dumps(versions, indent=2) + "\n", encoding="utf-8")
    return 0


def integrity(content: bytes) -> str:
    """Return npm's hash of an archive."""
    return f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"


def _fetched(release: Release, work: Path) -> Path:
    command = ["npm", "pack", "--silent", f"{release.name}@{release.version}"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=True)
    return work / done.stdout.strip().splitlines()[-1]


def _copy(release: Release, archive: Path, work: Path) -> None:
    target = work / release.name.rpartition("/")[2]
    with tarfile.open(archive) as packed:
        packed.extractall(target, filter="data")
    for source, name in release.files.items():
        shutil.copyfile(target / "package" / source, FOLDER / name)


def _themes(work: Path) -> Path:
    """Return a style sheet with the tokens of both themes."""
    subprocess.run(
        ["npm", "install", "--silent", "--no-save", "--prefix", ".", "@swc/helpers@0.5"], cwd=work, check=True
    )
    entry = work / "tokens" / "package" / "lib-commonjs" / "index.cjs"
    done = subprocess.run(["node", "-e", _THEMES, str(entry)], cwd=work, capture_output=True, text=True, check=True)
    path = work / "themes.css"
    path.write_text(done.stdout, encoding="utf-8")
    return path


if __name__ == "__main__":
    sys.exit(main())
