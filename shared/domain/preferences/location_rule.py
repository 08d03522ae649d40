"""Locations from an attribute: who works where, by what the directory says of them."""

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import Final

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.ids import LocationId
from shared.domain.preferences.filters import MAX_VALUE, Attribute, value_of
from shared.domain.problem import Problem
from shared.errors import Rejected

MAX_PLACES: Final = 500
#: Values that a problem names; the others are counted.
_NAMED: Final = 20


class LocationRuleEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value of the attribute, and the location that it means; one that ends with `*` means what begins like it."""

    value: str
    location: LocationId


class LocationRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Puts people at the one location that their attribute names, beside the groups that are mapped.

    Values are compared without regard to case and surrounding space; the exact value goes before a beginning, and a
    longer beginning before a shorter one.
    """

    attribute: Attribute
    entries: tuple[LocationRuleEntry, ...]

    @cached_property
    def _exact(self) -> dict[str, LocationId]:
        return {_folded(each.value): each.location for each in self.entries if not each.value.endswith("*")}

    @cached_property
    def _beginnings(self) -> list[tuple[str, LocationId]]:
        found = [(_folded(each.value[:-1]), each.location) for each in self.entries if each.value.endswith("*")]
        return sorted(found, key=lambda each: (-len(each[0]), each[0]))

    @cached_property
    def locations(self) -> frozenset[LocationId]:
        """Everywhere that somebody can be put."""
        return frozenset(each.location for each in self.entries)

    def location_of(self, user: DirectoryUser) -> LocationId | None:
        """Return where a person's attribute puts them, None if it is empty or names no location."""
        value = value_of(user, self.attribute)
        return None if value is None else self.location_named(value)

    def location_named(self, value: str) -> LocationId | None:
        """Return the location that a value names, None if it names none."""
        folded = _folded(value)
        if folded in self._exact:
            return self._exact[folded]
        return next((location for beginning, location in self._beginnings if folded.startswith(beginning)), None)

    def require_sense(self) -> None:
        """Hold if the rule can be kept. Raises: Rejected."""
        values = [_folded(each.value) for each in self.entries]
        if not 1 <= len(values) <= MAX_PLACES:
            raise Rejected(f"Invalid location rule: use 1 to {MAX_PLACES} values.", code="invalid_preferences")
        if any(not value.strip("* ") or len(value) > MAX_VALUE for value in values):
            detail = f"Invalid location rule: a value has 1 to {MAX_VALUE} characters."
            raise Rejected(detail, code="invalid_preferences")
        twice = [value for value, count in Counter(values).items() if count > 1]
        if twice:
            raise Rejected(f"Invalid location rule: the value {twice[0]!r} is used twice.", code="invalid_preferences")


class AttributeValue(msgspec.Struct, frozen=True, kw_only=True):
    """A value that people have in the directory, how many have it, and the location that it means."""

    value: str
    people: int
    location: LocationId | None


class AttributeHistogram:
    """The values that people have in an attribute; spellings that differ in case are one."""

    def __init__(self, attribute: Attribute) -> None:
        self._attribute = attribute
        self._people: Counter[str] = Counter()
        self._spelled: dict[str, str] = {}

    def add(self, users: Iterable[DirectoryUser]) -> None:
        """Count some people, each of them once."""
        for user in users:
            value = value_of(user, self._attribute)
            if value is not None:
                folded = _folded(value)
                self._people[folded] += 1
                self._spelled[folded] = min(value.strip(), self._spelled.get(folded, value.strip()))

    def all(self, rule: LocationRule | None) -> list[AttributeValue]:
        """Return every value, those of most people first, with the location that the rule makes of it."""
        found = [
            AttributeValue(
                value=self._spelled[each], people=count, location=rule.location_named(each) if rule else None
            )
            for each, count in self._people.items()
        ]
        return sorted(found, key=lambda each: (-each.people, each.value))

    def unmatched(self, rule: LocationRule) -> Problem | None:
        """Return what names no location, as a problem of the run; None if every value names one."""
        missing = [each for each in self.all(rule) if each.location is None]
        if not missing:
            return None
        named = ", ".join(f"{each.value!r} ({each.people})" for each in missing[:_NAMED])
        more = f" and {len(missing) - _NAMED} other values" if len(missing) > _NAMED else ""
        people = sum(each.people for each in missing)
        detail = f"{people} people have a value of {self._attribute.value} without a location: {named}{more}."
        return Problem(concerns=self._attribute.value, code="unmatched_location", detail=detail)


def _folded(text: str) -> str:
    return text.strip().casefold()
