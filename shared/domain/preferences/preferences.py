"""Preferences: the settings of a tenant that control its syncs."""

from collections.abc import Set as AbstractSet
from enum import StrEnum
from hashlib import sha256

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.ids import LocationId
from shared.domain.preferences.attribute_map import Attributes
from shared.domain.preferences.email_filter import EmailFilter
from shared.domain.preferences.filters import MAX_FILTERS, AttributeFilter, exclusion
from shared.domain.preferences.location_rule import LocationRule
from shared.domain.recipient import Reason
from shared.errors import Rejected

#: Upper bound for a number of people in the settings: more than any directory has.
MAX_PEOPLE = 100_000_000


class Mode(StrEnum):
    """Which users become recipients, and at which locations."""

    #: Members of mapped groups, at the locations to which these groups are mapped.
    GROUPS = "groups"
    #: All users of the directory, at all locations.
    FULL = "full"


class GuardLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Limits of the guard: above them, the deactivations of a run are held for approval. Shares are 0..1.

    A run is held if it would deactivate:

    - more than `max_share` *and* more than `max_people` of a location or of the tenant, or
    - more than `small_max_share` of a location with at least `small_from` recipients, or
    - all recipients of a location.
    """

    max_share: float = 0.10
    max_people: int = 20
    small_max_share: float = 0.50
    small_from: int = 10

    def require_sense(self) -> None:
        """Validate the limits. Raises Rejected if a share or a number is out of range."""
        for name, share in {"maxShare": self.max_share, "smallMaxShare": self.small_max_share}.items():
            if not 0 <= share <= 1:
                raise Rejected(
                    f"Invalid deactivation limit {share} ({name}): a share is from 0 to 1.", code="invalid_preferences"
                )
        for name, number in {"maxPeople": self.max_people, "smallFrom": self.small_from}.items():
            if not 0 <= number <= MAX_PEOPLE:
                raise Rejected(
                    f"Invalid deactivation limit {number} ({name}): use 0 to {MAX_PEOPLE} people.",
                    code="invalid_preferences",
                )


class Preferences(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The settings of a tenant for its syncs. The defaults are the safest choices."""

    mode: Mode = Mode.GROUPS
    sso_users: bool = False
    allow_csv_to_update_directory: bool = False
    allow_directory_to_update_csv: bool = False
    deactivate_missing: bool = True
    include_guests: bool = True
    #: Whether only people with an e-mail address become recipients.
    require_mail: bool = False
    #: A user must be accepted by all filters.
    filters: tuple[AttributeFilter, ...] = ()
    #: Assigns users to locations by an attribute, in addition to the groups. Used only in groups mode.
    location_rule: LocationRule | None = None
    #: How the attributes of a directory user become the profile of a recipient.
    attributes: Attributes = msgspec.field(default_factory=Attributes)
    #: Which SSO users can become product users.
    sso_filter: EmailFilter = msgspec.field(default_factory=EmailFilter)
    guard: GuardLimits = msgspec.field(default_factory=GuardLimits)

    def require_sense(self) -> None:
        """Validate the preferences. Raises Rejected, with the first fault, if they are not valid."""
        self.guard.require_sense()
        self.sso_filter.require_sense()
        if len(self.filters) > MAX_FILTERS:
            raise Rejected(f"Too many filters: use at most {MAX_FILTERS}.", code="invalid_preferences")
        for filter_ in self.filters:
            filter_.require_sense()
        self.attributes.require_sense()
        if self.location_rule is not None:
            self.location_rule.require_sense()

    def require_places(self, existing: AbstractSet[LocationId]) -> None:
        """Validate the locations of the location rule. Raises Rejected if one does not exist."""
        missing = sorted(self.location_rule.locations - existing) if self.location_rule is not None else []
        if missing:
            detail = f"Invalid location rule: the location {missing[0]!r} does not exist."
            raise Rejected(detail, code="invalid_preferences")

    @property
    def rule(self) -> LocationRule | None:
        """The location rule; None in full mode, where all users are at all locations."""
        return self.location_rule if self.mode is Mode.GROUPS else None

    def exclusion(self, user: DirectoryUser) -> Reason | None:
        """Return the first reason why a directory user cannot be a recipient; None if they can."""
        return exclusion(user, include_guests=self.include_guests, require_mail=self.require_mail, filters=self.filters)

    def digest(self) -> str:
        """Return a hash of the preferences. Preferences with equal hashes lead to equal decisions."""
        return sha256(msgspec.json.encode(self, order="sorted")).hexdigest()
