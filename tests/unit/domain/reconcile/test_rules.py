"""docs/reference/recipient-rules.md is what the decision does, for every combination of what it depends on."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from shared.domain.directory import DirectoryUser, InactiveReason, Source
from shared.domain.ids import MAIN, RecipientId
from shared.domain.preferences.attribute_map import Attributes
from shared.domain.preferences.filters import Attribute, AttributeFilter
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Origin, Profile, Reason, Recipient, Status
from shared.domain.reconcile.absence import AbsenceProof
from shared.domain.reconcile.decide import decide
from tests.support.builders import desired, person, recipient_id_for, snapshot, user

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "recipient-rules.md"
SOURCE = Source().id
COLUMNS = ("directory", "match", "origin", "recipient", "differs", "to CSV", "deactivate")
STATUS = {"active": Status.ACTIVE, "by sync": Status.DEACTIVATED_BY_SYNC, "manually": Status.DEACTIVATED_MANUALLY}
Combination = dict[str, str]


def rows() -> list[dict[str, str]]:
    """Return the rows of the table."""
    found = []
    names: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").split("## The table")[1].split("\n## ")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| directory"):
            names = cells
        elif line.startswith("|") and not line.startswith("| ---"):
            found.append(dict(zip(names, cells, strict=True)))
    return found


def combinations() -> Iterator[Combination]:
    """Yield every combination that can be."""
    matches = ("object id", "value", "other account", "none", "ambiguous")
    directory = ("present", "disabled", "unknown", "filtered", "gone", "unreadable")
    for values in product(directory, matches, Origin, STATUS, ("yes", "no"), ("on", "off"), ("on", "off")):
        found = dict(zip(COLUMNS, map(str, values), strict=True))
        if found["match"] in {"value", "other account", "ambiguous"} and found["origin"] == Origin.DIRECTORY:
            continue  # a recipient from the directory is known by its object id
        yield found


def expected(combination: Combination) -> tuple[str, str, int]:
    """Return the outcome, the reason, and the row that says so."""
    for number, row in enumerate(rows()):
        if all(row[name] in {"*", combination[name]} for name in COLUMNS):
            return row["outcome"], row["reason"], number
    raise AssertionError(f"no row fits {combination}")


def stored_of(combination: Combination, said: DirectoryUser) -> list[Recipient]:
    """Return what is stored before the decision."""
    if combination["match"] == "none":
        return []
    account = {"object id": said.id, "other account": person(9)}.get(combination["match"])
    profile = Attributes().to_profile(user(1))
    recipient = Recipient(
        id=recipient_id_for(1) if combination["origin"] == Origin.DIRECTORY else RecipientId("stored"),
        origin=Origin(combination["origin"]),
        status=STATUS[combination["recipient"]],
        profile=profile,
        object_id=account,
        connection=MAIN if account else None,
        last_applied=profile if account else None,
    )
    if combination["match"] == "ambiguous":
        twin = Recipient(id=RecipientId("twin"), origin=recipient.origin, status=recipient.status, profile=profile)
        return [recipient, twin]
    return [recipient]


def outcome(combination: Combination) -> tuple[str, str]:
    """Return what the decision does."""
    state = combination["directory"]
    differs = "IT" if combination["differs"] == "yes" else None
    said = user(
        1,
        department=differs,
        inactive={"disabled": InactiveReason.DISABLED, "unknown": InactiveReason.UNKNOWN}.get(state),
        job_title="Robot" if state == "filtered" else None,
    )
    stored = stored_of(combination, said)
    if state == "filtered" and stored and combination["match"] == "object id":
        assert stored[0].last_applied == Profile(display_name="User 1", mail="user1@example.com")
    preferences = Preferences(
        allow_directory_to_update_csv=combination["to CSV"] == "on",
        deactivate_missing=combination["deactivate"] == "on",
        filters=(AttributeFilter(attribute=Attribute("jobTitle"), values=("Robot",), keep=False),),
    )
    people = {} if state in {"gone", "unreadable"} else desired(said)
    proof = AbsenceProof.of([SOURCE], {} if state == "unreadable" else {SOURCE: snapshot(SOURCE, *people.values())})
    decision = decide(people, stored, preferences, proof)
    found = [(write.change.kind.value, write.change.reason.value) for write in decision.writes]
    found += [("skipped", change.reason.value) for change in decision.skipped]
    found += [
        ("asked about", "account_deleted") if candidate.account_only else ("leaves", candidate.reason.value)
        for candidate in decision.candidates
    ]
    assert len(found) <= 1
    return found[0] if found else ("unchanged", "")


def test_the_page_says_what_is_decided() -> None:
    """Outcome and reason of every combination; and no row is there for nothing."""
    used = set()
    wrong = []
    for combination in combinations():
        said, reason, row = expected(combination)
        used.add(row)
        if outcome(combination) != (said, reason):
            wrong.append((combination, outcome(combination), rows()[row]))
    assert wrong == []
    assert used == set(range(len(rows())))


@pytest.mark.parametrize(
    "reason", [reason for reason in Reason if reason not in {Reason.NEW, Reason.RETURNED, Reason.DIRECTORY_CHANGED}]
)
def test_every_reason_is_explained(reason: Reason) -> None:
    """In its table."""
    assert f"\n| `{reason.value}` |" in PAGE.read_text(encoding="utf-8")
