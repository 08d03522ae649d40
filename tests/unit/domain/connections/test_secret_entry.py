"""What happens to an entry in Key Vault that is new or replaced."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.connections.connection import SecretReference
from shared.domain.connections.secret_entry import EntryState, EntryStep, SecretEntry
from shared.domain.ids import TenantId
from tests.support.builders import person
from tests.support.fakes import entra_connection

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
USED, OTHER = SecretReference(name="used", version="1"), SecretReference(name="other", version="1")


@pytest.mark.parametrize(
    ("state", "age", "used", "step"),
    [
        (EntryState.NEW, MINUTE, True, EntryStep.SETTLE),
        (EntryState.NEW, 2 * HOUR + 14 * MINUTE, False, EntryStep.WAIT),
        (EntryState.NEW, 2 * HOUR + 15 * MINUTE, False, EntryStep.DELETE),
        (EntryState.REPLACED, 2 * HOUR + 14 * MINUTE, True, EntryStep.WAIT),
        (EntryState.REPLACED, 2 * HOUR + 15 * MINUTE, True, EntryStep.SETTLE),
        (EntryState.REPLACED, DAY - MINUTE, False, EntryStep.WAIT),
        (EntryState.REPLACED, DAY, False, EntryStep.DISABLE),
        (EntryState.REPLACED, 7 * DAY, False, EntryStep.DELETE),
        (EntryState.DISABLED, 7 * DAY - MINUTE, False, EntryStep.WAIT),
        (EntryState.DISABLED, 7 * DAY, False, EntryStep.DELETE),
        (EntryState.DISABLED, DAY, True, EntryStep.SETTLE),
    ],
)
def test_the_step_follows_from_state_and_age(state: EntryState, age: timedelta, *, used: bool, step: EntryStep) -> None:
    """An entry in use is never disabled or deleted. Nor is one that a request may still store, by any clock."""
    entry = SecretEntry(tenant=TenantId("acme"), name="used", state=state, since=NOW - age)
    connection = entra_connection(person(1), person(2), person(3), secrets=USED if used else OTHER, connected_at=NOW)
    assert entry.next_step(connection, None, NOW) is step


@pytest.mark.parametrize("connection", [None, entra_connection(person(1), person(2), person(3), secrets=None)])
@pytest.mark.parametrize("state", [EntryState.REPLACED, EntryState.DISABLED])
def test_without_a_secret_in_use_a_replaced_one_is_deleted(connection: None, state: EntryState) -> None:
    """Switched off, or connected by an identity: nothing will need it."""
    entry = SecretEntry(tenant=TenantId("acme"), name="used", state=state, since=NOW)
    assert entry.next_step(connection, None, NOW) is EntryStep.DELETE


@pytest.mark.parametrize(
    ("requested", "step"), [(-MINUTE, EntryStep.WAIT), (0 * MINUTE, EntryStep.WAIT), (MINUTE, EntryStep.DISABLE)]
)
def test_a_run_with_the_new_secret_ends_the_old_one(requested: timedelta, step: EntryStep) -> None:
    """Only a run that was requested after the new secret was stored."""
    entry = SecretEntry(tenant=TenantId("acme"), name="used", state=EntryState.REPLACED, since=NOW)
    connection = entra_connection(person(1), person(2), person(3), secrets=OTHER, connected_at=NOW)
    assert entry.next_step(connection, NOW + requested, NOW + 2 * MINUTE) is step
