"""What costs are worked out from is counted on the real adapters."""

import pytest

from infra.capacity.figures import Customer
from tests.bench.entra import certificates
from tests.bench.measuring import counted

PEOPLE, LOCATIONS = 300, 2


async def test_a_small_customer_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first run writes all recipients, a full one reads all, and an unchanged one sends one request."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates().bundle))
    counts = await counted(Customer(people=PEOPLE, locations=LOCATIONS), 0.02)
    everybody = PEOPLE * LOCATIONS
    assert everybody < counts.runs["first"]["reconcile"].rows_written < 1.1 * everybody
    assert counts.runs["unchanged"]["fetch"].directory_requests == 1
    assert sum(work.rows_read for work in counts.runs["unchanged"].values()) < everybody / 10
    assert set(counts.runs["unchanged"]) == {"schedule", "plan", "fetch"}
    assert counts.runs["full"]["reconcile"].rows_read > everybody
    assert counts.runs["changed"]["deactivate"].vault_reads == 1
    assert {name: work.executions for name, work in counts.runs["full"].items()} == {
        "schedule": 1,
        "plan": 1,
        "fetch": 1,
        "reconcile": LOCATIONS,
    }
    assert counts.click.table_requests > counts.runs["full"]["plan"].table_requests
    assert counts.stored_bytes > 500 * everybody
