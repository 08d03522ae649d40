"""An audit that could not ask is counted as skipped, and only a finding in what is deployed fails."""

import json
from collections.abc import Callable

import pytest

from infra.supply_chain.audit import Outcome, read_npm_audit, read_pip_audit, report

FOUND = {"id": "PYSEC-2026-1", "fix_versions": ["2.0"], "aliases": [], "description": ""}


def test_packages_that_pip_audit_could_not_look_up_are_skipped() -> None:
    """It exits with 0 and calls them no vulnerability."""
    packages = [
        {"name": "a", "version": "1.0", "vulns": []},
        {"name": "b", "version": "1.0", "vulns": [FOUND]},
        {"name": "c", "skip_reason": "not found"},
    ]
    outcome = read_pip_audit("lock", deployed=True, output=json.dumps({"dependencies": packages}), error="")
    assert outcome == Outcome(
        name="lock",
        deployed=True,
        audited=2,
        skipped=1,
        reason="not found",
        findings=("b 1.0: PYSEC-2026-1, fixed in ['2.0']",),
    )


@pytest.mark.parametrize("read", [read_pip_audit, read_npm_audit])
@pytest.mark.parametrize("output", ["", "<html>", "[]"])
def test_no_readable_answer_is_a_skipped_audit(read: Callable[..., Outcome], output: str) -> None:
    """The reason is the last line of what the program said."""
    outcome = read(name="lock", deployed=True, output=output, error="line\nno route to host\n")
    assert outcome == Outcome(name="lock", deployed=True, skipped=1, reason="no route to host")


def test_a_registry_that_refuses_the_question_is_a_skipped_audit() -> None:
    """It answers with an object without a report."""
    output = json.dumps({"message": "405 Method Not Allowed", "statusCode": 405})
    outcome = read_npm_audit("lock", deployed=False, output=output, error="npm error")
    assert (outcome.skipped, outcome.reason) == (1, "405 Method Not Allowed")


def test_findings_of_npm_are_named() -> None:
    """With their severity."""
    answer = {
        "auditReportVersion": 2,
        "vulnerabilities": {"axios": {"severity": "high"}},
        "metadata": {"dependencies": {"total": 370}},
    }
    outcome = read_npm_audit("lock", deployed=False, output=json.dumps(answer), error="")
    assert (outcome.audited, outcome.skipped, outcome.findings) == (370, 0, ("axios: high",))


def test_only_a_finding_in_a_deployed_package_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """Skipped audits are counted in the last line."""
    skipped = Outcome(name="a", deployed=True, skipped=1, reason="no route to host")
    tool = Outcome(name="b", deployed=False, audited=1, findings=("x",))
    assert report([skipped, tool]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  skipped 1: no route to host" in lines
    assert lines[-1] == "2 audits, 1 of them skipped in whole or in part."
    assert report([skipped, Outcome(name="c", deployed=True, audited=1, findings=("x",))]) == 1
