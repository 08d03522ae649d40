"""Locations from an attribute."""

import pytest

from shared.domain.directory import Existence
from shared.domain.ids import LocationId
from shared.domain.preferences.filters import Attribute
from shared.domain.preferences.location_rule import MAX_PLACES, AttributeHistogram, LocationRule, LocationRuleEntry
from shared.domain.reconcile.departures import apply_location_rule
from shared.errors import Rejected
from tests.support.builders import person, user

BERLIN, ANNEX, MUNICH = LocationId("berlin"), LocationId("annex"), LocationId("munich")


def rule(**entries: str) -> LocationRule:
    """Return a rule by office; `__` stands for a star."""
    found = [
        LocationRuleEntry(value=value.replace("__", "*"), location=LocationId(where))
        for value, where in entries.items()
    ]
    return LocationRule(attribute=Attribute("officeLocation"), entries=tuple(found))


OFFICES = rule(Berlin__="berlin", Berlin3__="annex", Berlin31="munich", Straße="berlin")


@pytest.mark.parametrize(
    ("office", "location"),
    [
        ("Berlin", BERLIN),
        ("  BERLIN 7", BERLIN),
        ("berlin3", ANNEX),
        ("Berlin32", ANNEX),
        ("Berlin31", MUNICH),
        ("STRASSE", BERLIN),
        ("Potsdam", None),
        ("East Berlin", None),
        (None, None),
    ],
)
def test_a_value_names_one_location(office: str | None, location: LocationId | None) -> None:
    """In any case; exactly first, then by the longest beginning."""
    assert OFFICES.location_of(user(1, office_location=office)) == location


def test_what_names_no_location_is_told_with_its_numbers() -> None:
    """Spellings that differ in case are one value; who has none is not missing."""
    people = [*(user(number, office_location="Potsdam") for number in range(2)), user(3, office_location="POTSDAM")]
    people += [user(4, office_location="Berlin"), user(5), user(6, office_location="Ulm")]
    values = AttributeHistogram(OFFICES.attribute)
    values.add(people[:3])
    values.add(people[3:])
    problem = values.unmatched(OFFICES)
    assert problem is not None
    assert (problem.concerns, problem.code) == ("officeLocation", "unmatched_location")
    assert problem.detail.startswith("4 people")
    assert "'POTSDAM' (3), 'Ulm' (1)." in problem.detail
    told = [(each.value, each.people, each.location) for each in values.all(OFFICES)]
    assert told == [("POTSDAM", 3, None), ("Berlin", 1, BERLIN), ("Ulm", 1, None)]
    placed_or_nowhere = AttributeHistogram(OFFICES.attribute)
    placed_or_nowhere.add(people[3:5])
    assert placed_or_nowhere.unmatched(OFFICES) is None


@pytest.mark.parametrize("entries", [{}, {"__": "berlin"}, {"a": "berlin", "A": "munich"}, {"x" * 201: "berlin"}])
def test_a_rule_that_cannot_be_meant_is_refused(entries: dict[str, str]) -> None:
    """Empty, for everybody, ambiguous, or beyond what is kept."""
    with pytest.raises(Rejected):
        rule(**entries).require_sense()


def test_a_rule_has_its_limit() -> None:
    """Preferences have to fit one row."""
    rule(**{f"v{number}": "berlin" for number in range(MAX_PLACES)}).require_sense()
    with pytest.raises(Rejected):
        rule(**{f"v{number}": "berlin" for number in range(MAX_PLACES + 1)}).require_sense()


@pytest.mark.parametrize(
    ("existence", "office", "grouped", "expected"),
    [
        (Existence.FOUND, "Ulm", True, Existence.FOUND),
        (Existence.FOUND, "Ulm", False, Existence.NOT_IN_SOURCE),
        (Existence.FOUND, "Berlin", False, Existence.FOUND),
        (Existence.NOT_IN_SOURCE, "Berlin", True, Existence.FOUND),
        (Existence.NOT_IN_SOURCE, "Ulm", True, Existence.NOT_IN_SOURCE),
        (Existence.DISABLED, "Berlin", False, Existence.DISABLED),
        (Existence.NOT_FOUND, "Berlin", False, Existence.NOT_FOUND),
        (Existence.UNKNOWN, "Berlin", False, Existence.UNKNOWN),
    ],
)
def test_an_existence_check_asks_the_rule_too(
    existence: Existence, office: str, *, grouped: bool, expected: Existence
) -> None:
    """Who is put here by the rule now stays; without groups, being in the directory is not being here."""
    live = {person(1): user(1, office_location=office)}
    assert apply_location_rule({person(1): existence}, live, OFFICES, BERLIN, grouped=grouped) == {person(1): expected}


def test_who_vanishes_between_two_questions_is_unknown() -> None:
    """Neither here nor proven gone."""
    assert apply_location_rule({person(1): Existence.FOUND}, {}, OFFICES, BERLIN, grouped=False) == {
        person(1): Existence.UNKNOWN
    }
