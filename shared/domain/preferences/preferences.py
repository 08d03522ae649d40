"""What a tenant's admin has chosen about syncing."""

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

#: More people than any directory has.
MAX_PEOPLE = 100_000_000


class Mode(StrEnum):
    """Who becomes a recipient where."""

    #: Members of mapped groups, at the locations these are mapped to.
    GROUPS = "groups"
    #: Every user of the directory, at every location.
    FULL = "full"


class GuardLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """From when on a run's deactivations wait for a person's approval. Shares are 0..1.

    Held is: more than `max_share` *and* more than `max_people` of a location or of the tenant; or more than
    `small_max_share` of a location with at least `small_from` people; or everybody of a location.
    """

    max_share: float = 0.10
    max_people: int = 20
    small_max_share: float = 0.50
    small_from: int = 10

    def require_sense(self) -> None:
        """Hold if the limits are numbers that mean something. Raises: Rejected."""
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
    """The toggles of the product, in its own words; each default is the careful choice."""

    mode: Mode = Mode.GROUPS
    sso_users: bool = False
    allow_csv_to_update_directory: bool = False
    allow_directory_to_update_csv: bool = False
    deactivate_missing: bool = True
    include_guests: bool = True
    #: Whether only people with an e-mail address become recipients.
    require_mail: bool = False
    #: All of them have to accept a person.
    filters: tuple[AttributeFilter, ...] = ()
    #: In groups mode, beside the groups: puts people where an attribute says that they are.
    location_rule: LocationRule | None = None
    #: What of a directory user goes into which field.
    attributes: Attributes = msgspec.field(default_factory=Attributes)
    #: Which SSO users may become users of the product.
    sso_filter: EmailFilter = msgspec.field(default_factory=EmailFilter)
    guard: GuardLimits = msgspec.field(default_factory=GuardLimits)

    def require_sense(self) -> None:
        """Hold if the preferences can be kept. Raises: Rejected, with what is wrong."""
        self.guard.require_sense()
        self.sso_filter.require_sense()
        if len(self.filters) > MAX_FILTERS:
            raise Rejected(f"Too many filters: use at most {MAX_FILTERS}.", code="invalid_preferences")
        for each in self.filters:
            each.require_sense()
        self.attributes.require_sense()
        if self.location_rule is not None:
            self.location_rule.require_sense()

    def require_places(self, known: AbstractSet[LocationId]) -> None:
        """Hold if the location rule names only locations that there are. Raises: Rejected."""
        missing = sorted(self.location_rule.locations - known) if self.location_rule is not None else []
        if missing:
            detail = f"Invalid location rule: the location {missing[0]!r} does not exist."
            raise Rejected(detail, code="invalid_preferences")

    @property
    def rule(self) -> LocationRule | None:
        """The location rule, where it counts: in full mode everybody is everywhere."""
        return self.location_rule if self.mode is Mode.GROUPS else None

    def exclusion(self, user: DirectoryUser) -> Reason | None:
        """Return why a directory user cannot be a recipient, or None if they can."""
        return exclusion(user, include_guests=self.include_guests, require_mail=self.require_mail, filters=self.filters)

    def digest(self) -> str:
        """Return a hash that differs whenever a sync could decide differently."""
        return sha256(msgspec.json.encode(self, order="sorted")).hexdigest()
