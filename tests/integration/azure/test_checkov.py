"""checkov's security rules over the resources of the snapshots: every finding is fixed, or listed with its reason."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.azure.snapshot import ENVIRONMENTS, Snapshot
from infra.local.stack.child import ROOT

CHECKOV = ROOT / ".local" / "tools" / "checkov" / "bin" / "checkov"

pytestmark = pytest.mark.skipif(not CHECKOV.exists(), reason="checkov is not installed; `make check-azure` installs it")

_OPEN = "without the network, storage and vault are reached over the internet, by token only; prod has the network"
_TRIAL = "off in dev, so that a trial can be removed completely; on by default"
_OTHER = "a rule for the configuration `web`, applied to that of sign-in"
#: Findings that stay in both environments, and in each, with the reason.
ACCEPTED = {
    "CKV_AZURE_222": "the API is called over the internet",
    "CKV_AZURE_17": "callers prove themselves with a key or a token",
    "CKV_AZURE_212": "Flex Consumption scales to zero",
    "CKV_AZURE_213": "Flex Consumption has no health check; `/api/health/ready` is for outside probes",
}
ONLY_IN = {
    "dev": {
        "CKV_AZURE_35": _OPEN,
        "CKV_AZURE_59": _OPEN,
        "CKV_AZURE_109": _OPEN,
        "CKV_AZURE_189": _OPEN,
        "CKV_AZURE_42": _TRIAL,
        "CKV_AZURE_110": _TRIAL,
        "CKV_AZURE_206": "three copies in three zones are enough by default; prod has a copy in another region",
        "CKV_AZURE_225": "two instances of each function are billed always; prod has them",
    },
    "prod": {
        "CKV_AZURE_36": "no service of Microsoft needs the data",
        "CKV_AZURE_13": _OTHER,
        "CKV_AZURE_63": _OTHER,
        "CKV_AZURE_65": _OTHER,
        "CKV_AZURE_66": _OTHER,
        "CKV_AZURE_80": _OTHER,
        "CKV_AZURE_88": _OTHER,
    },
}


def findings(snapshot: Snapshot, folder: Path) -> set[str]:
    """Return the ids of the rules that a snapshot breaks."""
    template = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": snapshot.resources,
    }
    file = folder / "template.json"
    file.write_text(json.dumps(template), encoding="utf-8")
    command = [str(CHECKOV), "--file", str(file), "--framework", "arm", "--output", "json", "--compact", "--quiet"]
    done = subprocess.run([*command, "--skip-download"], capture_output=True, text=True, check=False)  # noqa: S603
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 0
    return {check["check_id"] for check in report["results"]["failed_checks"]}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_finding_is_fixed_or_has_a_reason(environment: str, tmp_path: Path) -> None:
    """A change that breaks a rule is noticed, and so is a reason that is no longer needed."""
    assert findings(Snapshot.load(environment), tmp_path) == set(ACCEPTED) | set(ONLY_IN[environment])
