"""Ask the registries what is known to be vulnerable: `python -m infra.supply_chain.audit`.

What cannot be asked is counted and printed as skipped, with the reason, and fails nothing. A finding in a deployed
package fails; findings in tools of developers are printed.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.local.stack.child import ROOT

_PIP_AUDIT: Final = ROOT / ".local" / "tools" / "audit" / "bin" / "pip-audit"
#: Locks of pip, deployed or not.
_PYTHON: Final = (("requirements.lock", True), ("requirements-dev.lock", False))
_NPM: Final = "infra/local/azurite"
#: Longest time for the answers of one registry, in seconds.
_PATIENCE_S: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one audit: numbers of packages, and one line per vulnerability.

    Without an answer the number of packages is not known, and `skipped` is 1.
    """

    name: str
    deployed: bool
    audited: int = 0
    skipped: int = 0
    #: Why packages were skipped; empty if none was.
    reason: str = ""
    findings: tuple[str, ...] = ()


def read_pip_audit(name: str, *, deployed: bool, output: str, error: str) -> Outcome:
    """Return what `pip-audit --format json` answered. It calls packages that it could not look up a success."""
    answer = _object(output)
    if answer is None:
        return Outcome(name=name, deployed=deployed, skipped=1, reason=_last_line(error))
    packages: list[dict[str, Any]] = answer["dependencies"]
    reasons = [package["skip_reason"] for package in packages if "skip_reason" in package]
    return Outcome(
        name=name,
        deployed=deployed,
        audited=len(packages) - len(reasons),
        skipped=len(reasons),
        reason=reasons[0] if reasons else "",
        findings=tuple(
            f"{package['name']} {package['version']}: {known['id']}, fixed in {known['fix_versions'] or 'no version'}"
            for package in packages
            for known in package.get("vulns", [])
        ),
    )


def read_npm_audit(name: str, *, deployed: bool, output: str, error: str) -> Outcome:
    """Return what `npm audit --json` answered."""
    answer = _object(output)
    if answer is None or "auditReportVersion" not in answer:
        reason = (answer or {}).get("message") or _last_line(error)
        return Outcome(name=name, deployed=deployed, skipped=1, reason=reason)
    return Outcome(
        name=name,
        deployed=deployed,
        audited=answer["metadata"]["dependencies"]["total"],
        findings=tuple(f"{package}: {known['severity']}" for package, known in answer["vulnerabilities"].items()),
    )


def report(outcomes: Sequence[Outcome]) -> int:
    """Print all outcomes and their totals. Return 1 if a deployed package has a finding."""
    for outcome in outcomes:
        print(f"{outcome.name}: {outcome.audited} packages audited, {len(outcome.findings)} findings")
        for finding in outcome.findings:
            print(f"  {finding}")
        if outcome.skipped:
            print(f"  skipped {outcome.skipped}: {outcome.reason}")
    skipped = sum(outcome.skipped > 0 for outcome in outcomes)
    print(f"{len(outcomes)} audits, {skipped} of them skipped in whole or in part.")
    return int(any(outcome.deployed and outcome.findings for outcome in outcomes))


def _object(output: str) -> dict[str, Any] | None:
    try:
        answer = json.loads(output)
    except json.JSONDecodeError:
        return None
    return answer if isinstance(answer, dict) else None


def _last_line(error: str) -> str:
    return (error.strip().splitlines() or ["no answer"])[-1]


def _run(command: list[str], folder: Path) -> tuple[str, str]:
    """Return the standard output and error of a program. Its exit code says less than its output."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=_PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired) as failure:
        return "", str(failure)
    return done.stdout, done.stderr


def main() -> int:
    """Run all audits. Return 1 if a deployed package is known to be vulnerable."""
    outcomes = []
    for lock, deployed in _PYTHON:
        options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json"]
        output, error = _run([str(_PIP_AUDIT), *options, "--requirement", lock], ROOT)
        outcomes.append(read_pip_audit(lock, deployed=deployed, output=output, error=error))
    output, error = _run(["npm", "audit", "--package-lock-only", "--json"], ROOT / _NPM)
    outcomes.append(read_npm_audit(f"{_NPM}/package-lock.json", deployed=False, output=output, error=error))
    return report(outcomes)


if __name__ == "__main__":
    sys.exit(main())
