"""The fields that the portal shows are those that the API describes."""

import json
import shutil
import subprocess
from pathlib import Path

from infra.local.stack.child import ROOT
from shared.domain.preferences.filters import Attribute
from shared.domain.recipient import API_NAMES, PERSON_FIELDS
from shared.triggers.http.framework.openapi import document

SCRIPT = """
import { readFileSync } from "node:fs";
import { editable, filterable } from "./portal/person_fields.js";
const { schemas } = JSON.parse(readFileSync("openapi.json")).components;
console.log(JSON.stringify({ editable: editable(schemas), filterable: filterable(schemas) }));
"""


def test_the_portal_finds_every_field_in_the_description(tmp_path: Path) -> None:
    """With its label, in the order of the registry; the location rule and filters offer the same attributes."""
    node = shutil.which("node")
    assert node is not None
    shutil.copytree(ROOT / "shared/portal", tmp_path / "portal")
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    (tmp_path / "openapi.json").write_text(json.dumps(document()), encoding="utf-8")
    (tmp_path / "read.js").write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run([node, "read.js"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - from here
    found = json.loads(done.stdout)
    assert found["editable"] == [[API_NAMES[name], field.label] for name, field in PERSON_FIELDS.items()]
    assert [name for name, _ in found["filterable"]] == list(Attribute)
    assert ["officeLocation", "Office"] in found["filterable"]
    assert ["userPrincipalName", "User principal name"] in found["filterable"]
