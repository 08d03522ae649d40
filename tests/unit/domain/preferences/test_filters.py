"""Who of a directory's users can be a recipient, and why not."""

from typing import Any

import msgspec
import pytest

from shared.domain.directory import DirectoryUser, Existence, InactiveReason, Source
from shared.domain.ids import ObjectId, RecipientId
from shared.domain.preferences.filters import MAX_VALUES, Attribute, AttributeFilter
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Reason
from shared.domain.reconcile.absence import AbsenceProof
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.decide import decide
from shared.domain.reconcile.departures import confirm
from shared.domain.snapshots.snapshot import scope_of
from shared.errors import Rejected
from tests.support.builders import desired, person, snapshot, user


def by(attribute: str, *values: str, keep: bool = True) -> AttributeFilter:
    """Return a filter."""
    return AttributeFilter(attribute=Attribute(attribute), values=values, keep=keep)


@pytest.mark.parametrize(
    ("filter_", "fields", "accepted"),
    [
        (by("department", "Sales"), {"department": "Sales"}, True),
        (by("department", "Sales"), {"department": "  sAlEs "}, True),
        (by("department", "STRASSE"), {"department": "Straße"}, True),
        (by("department", "Sales"), {"department": "Sales EMEA"}, False),
        (by("department", "Sales*"), {"department": "sales EMEA"}, True),
        (by("department", "Sales*"), {"department": "Presales"}, False),
        (by("department", "Sales"), {"department": None}, False),
        (by("department", "Sales", keep=False), {"department": None}, True),
        (by("department", "Sales", keep=False), {"department": "Sales"}, False),
        (by("department", "Sales", "IT", keep=False), {"department": "HR"}, True),
        (by("officeLocation", "Berlin*"), {"office_location": "Berlin 3/12"}, True),
        (by("employeeType", "Contractor", keep=False), {"employee_type": "contractor"}, False),
        (by("companyName", "Contoso"), {"company_name": "Contoso"}, True),
        (by("jobTitle", "Intern"), {"job_title": "Intern"}, True),
        (by("employeeId", "E1*"), {"employee_id": "E123"}, True),
        (by("userPrincipalName", "svc-*", keep=False), {"user_principal_name": "SVC-printer@contoso.com"}, False),
    ],
)
def test_a_filter_by_attribute(filter_: AttributeFilter, fields: dict[str, Any], accepted: bool) -> None:  # noqa: FBT001
    """Without regard to case and space; `*` at the end stands for any end; no value is none of the values."""
    found = user(1, **fields)
    assert filter_.accepts(found) is accepted
    assert Preferences(filters=(filter_,)).exclusion(found) is (None if accepted else Reason.FILTERED)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, None),
        ({"inactive": InactiveReason.DISABLED, "guest": True, "mail": None}, Reason.ACCOUNT_DISABLED),
        ({"guest": True, "mail": None, "user_principal_name": "a_b.c#EXT#@contoso.com"}, Reason.GUEST_EXCLUDED),
        ({"mail": None, "user_principal_name": "a_b.c#EXT#@contoso.com"}, Reason.NO_EMAIL),
        ({"mail": None}, None),
        ({"department": "IT"}, Reason.FILTERED),
    ],
)
def test_the_first_reason_is_the_one_that_is_told(fields: dict[str, Any], reason: Reason | None) -> None:
    """Disabled before guest before without address before filtered."""
    preferences = Preferences(include_guests=False, require_mail=True, filters=(by("department", "IT", keep=False),))
    assert preferences.exclusion(user(1, **fields)) is reason


def test_every_attribute_is_a_field() -> None:
    """None of them fails at a person."""
    for attribute in Attribute:
        assert not by(attribute, "no such value").accepts(user(1))


@pytest.mark.parametrize(
    "values", [(), ("",), ("*",), (" ",), ("x" * 201,), tuple("abc" for _ in range(MAX_VALUES + 1))]
)
def test_a_filter_without_sense_is_refused(values: tuple[str, ...]) -> None:
    """One that would keep everybody out, or in, by mistake."""
    with pytest.raises(Rejected) as refused:
        by("department", *values).require_sense()
    assert refused.value.code == "invalid_preferences"


def test_who_is_filtered_leaves_with_that_reason() -> None:
    """Once the complete read says so and the person still exists, which an existence check cannot tell from staying."""
    preferences = Preferences(filters=(by("department", "Sales"),))
    stored = [write.recipient for write in decide(desired(user(1)), [], Preferences(), None).writes]
    source = Source().id
    proof = AbsenceProof.of([source], {source: snapshot(source, user(1))})
    decision = decide(desired(user(1)), stored, preferences, proof)
    assert [candidate.reason for candidate in decision.candidates] == [Reason.FILTERED]
    for existence, reason in (
        (Existence.FOUND, Reason.FILTERED),
        (Existence.GUEST, Reason.FILTERED),
        (Existence.NOT_FOUND, Reason.ACCOUNT_DELETED),
        (Existence.DISABLED, Reason.ACCOUNT_DISABLED),
        (Existence.NOT_IN_SOURCE, Reason.LEFT_GROUP),
    ):
        gone = confirm(decision.candidates, {person(1): existence}, preferences)
        assert [each.reason for each in gone] == [reason]
    assert confirm(decision.candidates, {person(1): Existence.UNKNOWN}, preferences) == ()
    left = (Candidate(RecipientId("r"), ObjectId(person(1)), Reason.LEFT_GROUP),)
    assert confirm(left, {person(1): Existence.FOUND}, preferences) == ()


def test_filters_survive_storage() -> None:
    """They are read back as they were, and a change of one is a change of the preferences."""
    preferences = Preferences(filters=(by("department", "Sales", keep=False),), require_mail=True)
    again = msgspec.json.decode(msgspec.json.encode(preferences), type=Preferences)
    assert again == preferences
    assert again.digest() == preferences.digest() != Preferences().digest()
    assert again.exclusion(user(1, department="sales")) is Reason.FILTERED


def test_a_delta_begins_anew_when_other_fields_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it was asked for when it began does not contain them."""
    before = scope_of("fingerprint")
    assert before == scope_of("fingerprint") != scope_of("another")
    fields = (*DirectoryUser.__struct_fields__, "shoe_size")
    monkeypatch.setattr(
        "shared.domain.snapshots.snapshot.DirectoryUser", type("Wider", (), {"__struct_fields__": fields})
    )
    assert scope_of("fingerprint") != before
