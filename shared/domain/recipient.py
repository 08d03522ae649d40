"""A recipient: one person at one location, and the changes that a run can make to one."""

from collections import Counter
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final

import msgspec

from shared.domain.ids import ObjectId, RecipientId
from shared.domain.person_field import PersonField, person_fields

_TAG_CHARACTERS: Final = 32


class Origin(StrEnum):
    """How a recipient came to be; it never changes."""

    DIRECTORY = "directory"
    CSV = "csv"
    MANUAL = "manual"


class Status(StrEnum):
    """Whether parcels can be addressed to a recipient, and who decided that they cannot."""

    ACTIVE = "active"
    DEACTIVATED_BY_SYNC = "deactivated_by_sync"
    DEACTIVATED_MANUALLY = "deactivated_manually"


class Profile(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """What is known about the person. Empty text never occurs: unknown is None.

    To add a field, see docs/how-to/add-a-recipient-field.md.
    Generated constructors pass the values by position (`shared.domain.struct_calls`); write keywords anywhere else.
    """

    display_name: Annotated[str | None, PersonField("Name", csv=("name", "full name", "anzeigename"))] = None
    given_name: Annotated[str | None, PersonField("Given name", csv=("first name", "forename", "vorname"))] = None
    surname: Annotated[str | None, PersonField("Surname", csv=("last name", "family name", "nachname"))] = None
    mail: Annotated[str | None, PersonField("E-mail", csv=("e-mail", "email address", "e-mail address"))] = None
    mobile_phone: Annotated[str | None, PersonField("Mobile phone", csv=("mobile", "cell phone", "mobile number"))] = (
        None
    )
    business_phone: Annotated[
        str | None, PersonField("Business phone", csv=("phone", "telephone", "business phones"))
    ] = None
    department: Annotated[str | None, PersonField("Department", csv=("dept", "abteilung"), filterable=True)] = None
    job_title: Annotated[str | None, PersonField("Job title", csv=("title", "position"), filterable=True)] = None
    office_location: Annotated[str | None, PersonField("Office", csv=("office", "room", "raum"), filterable=True)] = (
        None
    )
    employee_id: Annotated[
        str | None,
        PersonField("Employee ID", csv=("employee number", "personnel number", "personalnummer"), filterable=True),
    ] = None
    employee_type: Annotated[str | None, PersonField("Employee type", filterable=True)] = None
    company_name: Annotated[str | None, PersonField("Company", csv=("company", "firma"), filterable=True)] = None
    manager_name: Annotated[str | None, PersonField("Manager", csv=("manager", "supervisor"))] = None
    manager_mail: Annotated[str | None, PersonField("Manager e-mail", csv=("manager email", "supervisor email"))] = None
    cost_center: Annotated[
        str | None, PersonField("Cost center", csv=("cost centre", "kostenstelle"), filterable=True)
    ] = None
    street_address: Annotated[str | None, PersonField("Street address", csv=("street", "straße", "strasse"))] = None
    #: Other addresses of the person, as a label may show them; from the directory only, never imported or edited.
    aliases: tuple[str, ...] = ()


PROFILE_FIELDS: tuple[str, ...] = Profile.__struct_fields__
#: The fields that a person or a file can set, all of them texts.
PERSON_FIELDS: Final = person_fields(Profile)
TEXT_FIELDS: tuple[str, ...] = tuple(PERSON_FIELDS)
#: How the API and exports call them.
API_NAMES: Final = {
    field.name: field.encode_name for field in msgspec.structs.fields(Profile) if field.name in PERSON_FIELDS
}


class Recipient(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One person at one location, as stored."""

    id: RecipientId
    origin: Origin
    status: Status
    profile: Profile
    #: The directory user this is, once matched.
    object_id: ObjectId | None = None
    #: The directory's values when they were last written: a sync writes only fields that the directory changed since.
    last_applied: Profile | None = None
    #: Why the last deactivation happened; None while active.
    reason: str | None = None
    #: The mapped groups that put the person here, sorted; of one who has left, those that did so last.
    groups: tuple[ObjectId, ...] = ()

    def tag(self) -> str:
        """Return the entity tag: it differs between any two versions of the recipient that look different."""
        return sha256(msgspec.json.encode(self)).hexdigest()[:_TAG_CHARACTERS]


class Reason(StrEnum):
    """Why something happened, or did not happen, to one person. Stable: stored, exported and matched by machines."""

    NEW = "new"
    DIRECTORY_CHANGED = "directory_changed"
    #: Other mapped groups than before put them here.
    GROUPS_CHANGED = "groups_changed"
    RETURNED = "returned"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_DELETED = "account_deleted"
    LEFT_GROUP = "left_group"
    #: The location rule does not place the person here any more, and no mapped group does.
    ATTRIBUTE_CHANGED = "attribute_changed"
    GUEST_EXCLUDED = "guest_excluded"
    #: The person has no e-mail address, and the preferences require one.
    NO_EMAIL = "no_email"
    #: A filter by attribute excludes the person.
    FILTERED = "filtered"
    #: The location has no source any more: its last mapping was removed.
    MAPPING_REMOVED = "mapping_removed"
    #: A CSV or manual recipient has this person's e-mail, and the preference forbids updating it.
    CSV_OWNS = "csv_owns"
    #: Several directory users, or several recipients, share the e-mail address that would decide.
    AMBIGUOUS_EMAIL = "ambiguous_email"
    DEACTIVATED_MANUALLY = "deactivated_manually"
    #: A row of a CSV file created, changed or brought back the recipient.
    IMPORTED = "imported"
    #: A run was undone that had changed the recipient.
    UNDONE = "undone"
    #: A person changed it.
    EDITED = "edited"
    #: An import that overwrites has a file without this recipient of origin `csv`.
    NOT_IN_FILE = "not_in_file"


class ChangeKind(StrEnum):
    """What happened to one recipient in one run."""

    CREATED = "created"
    UPDATED = "updated"
    REACTIVATED = "reactivated"
    DEACTIVATED = "deactivated"
    SKIPPED = "skipped"


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One recipient created, updated, deactivated, reactivated or skipped in a run, with its reason."""

    kind: ChangeKind
    reason: Reason
    #: None only for a person who was skipped and has no recipient.
    recipient: RecipientId | None = None
    object_id: ObjectId | None = None
    display_name: str | None = None
    #: Names of the profile fields that changed.
    fields: tuple[str, ...] = ()
    #: The stored row before, so that a run can be undone; None for a recipient that was created.
    before: Recipient | None = None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many recipients of each kind of change; adds up over batches, locations and runs."""

    created: int = 0
    updated: int = 0
    deactivated: int = 0
    reactivated: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            created=self.created + other.created,
            updated=self.updated + other.updated,
            deactivated=self.deactivated + other.deactivated,
            reactivated=self.reactivated + other.reactivated,
            skipped=self.skipped + other.skipped,
        )

    @classmethod
    def of(cls, changes: "list[Change] | tuple[Change, ...]") -> "Counts":
        """Return how many changes there are of each kind."""
        kinds = Counter([change.kind for change in changes])
        return cls(**{kind.value: count for kind, count in kinds.items()})
