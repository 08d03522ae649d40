"""Location rule: assigns users to locations by an attribute of the directory."""

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import Final

import msgspec

from shared.domain.counted import counted
from shared.domain.directory import DirectoryUser
from shared.domain.ids import LocationId
from shared.domain.preferences.filters import MAX_VALUE, Attribute, value_of
from shared.domain.problem import Problem
from shared.errors import Rejected

#: Maximum number of entries of a location rule: preferences must fit into one row.
MAX_PLACES: Final = 500
#: Maximum number of values that a problem lists; the remaining ones are only counted.
_MAX_LISTED: Final = 20


class LocationRuleEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value of the attribute and its location. A value that ends with `*` matches as a prefix."""

    value: str
    location: LocationId


class LocationRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Assigns a user to at most one location by an attribute, in addition to the mapped groups.

    Comparison ignores case and surrounding whitespace. An exact match has priority over prefixes, and a longer prefix
    over a shorter one.
    """

    attribute: Attribute
    entries: tuple[LocationRuleEntry, ...]

    @cached_property
    def _exact(self) -> dict[str, LocationId]:
        return {_folded(entry.value): entry.location for entry in self.entries if not entry.value.endswith("*")}

    @cached_property
    def _prefixes(self) -> list[tuple[str, LocationId]]:
        prefixes = [(_folded(entry.value[:-1]), entry.location) for entry in self.entries if entry.value.endswith("*")]
        return sorted(prefixes, key=lambda entry: (-len(entry[0]), entry[0]))

    @cached_property
    def locations(self) -> frozenset[LocationId]:
        """All locations that the rule can assign."""
        return frozenset(entry.location for entry in self.entries)

    def location_of(self, user: DirectoryUser) -> LocationId | None:
        """Return the location of a user; None if the attribute is not set or matches no entry."""
        value = value_of(user, self.attribute)
        return None if value is None else self.location_named(value)

    def location_named(self, value: str) -> LocationId | None:
        """Return the location of a value; None if it matches no entry."""
        folded = _folded(value)
        if folded in self._exact:
            return self._exact[folded]
        return next((location for prefix, location in self._prefixes if folded.startswith(prefix)), None)

    def require_sense(self) -> None:
        """Validate the rule. Raises Rejected for too few or many entries, a duplicate, or a value of invalid length."""
        values = [_folded(entry.value) for entry in self.entries]
        if not 1 <= len(values) <= MAX_PLACES:
            raise Rejected(f"Invalid location rule: use 1 to {MAX_PLACES} values.", code="invalid_preferences")
        if any(not value.strip("* ") or len(value) > MAX_VALUE for value in values):
            detail = f"Invalid location rule: a value has 1 to {MAX_VALUE} characters."
            raise Rejected(detail, code="invalid_preferences")
        duplicates = [value for value, count in Counter(values).items() if count > 1]
        if duplicates:
            raise Rejected(
                f"Invalid location rule: the value {duplicates[0]!r} is used twice.", code="invalid_preferences"
            )


class AttributeValue(msgspec.Struct, frozen=True, kw_only=True):
    """A value of an attribute in the directory, the number of users with it, and its location."""

    value: str
    people: int
    location: LocationId | None


class AttributeHistogram:
    """Counts users by the value of an attribute. Values that differ only in case count as one."""

    def __init__(self, attribute: Attribute) -> None:
        self._attribute = attribute
        self._people: Counter[str] = Counter()
        self._spelled: dict[str, str] = {}

    def add(self, users: Iterable[DirectoryUser]) -> None:
        """Count a batch of users. The caller adds every user only once."""
        for user in users:
            value = value_of(user, self._attribute)
            if value is not None:
                folded = _folded(value)
                self._people[folded] += 1
                self._spelled[folded] = min(value.strip(), self._spelled.get(folded, value.strip()))

    def all(self, rule: LocationRule | None) -> list[AttributeValue]:
        """Return all values with their location by the rule, the most frequent first."""
        values = [
            AttributeValue(
                value=self._spelled[folded], people=count, location=rule.location_named(folded) if rule else None
            )
            for folded, count in self._people.items()
        ]
        return sorted(values, key=lambda value: (-value.people, value.value))

    def unmatched(self, rule: LocationRule) -> Problem | None:
        """Return the values without a location as a problem of the run; None if all values have one."""
        unmatched = [value for value in self.all(rule) if value.location is None]
        if not unmatched:
            return None
        listed = ", ".join(f"{value.value!r} ({value.people})" for value in unmatched[:_MAX_LISTED])
        more = f" and {len(unmatched) - _MAX_LISTED} other values" if len(unmatched) > _MAX_LISTED else ""
        people = sum(value.people for value in unmatched)
        having = counted(people, "person has", "people have")
        detail = f"{having} a value of {self._attribute.value} without a location: {listed}{more}."
        return Problem(concerns=self._attribute.value, code="unmatched_location", detail=detail)


def _folded(text: str) -> str:
    return text.strip().casefold()
