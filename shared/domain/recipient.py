"""A recipient: one person at one location, and the changes that a run can make to it."""

from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final

import msgspec

from shared.domain.email_address import is_address
from shared.domain.ids import ConnectionId, ObjectId, RecipientId
from shared.domain.person_field import PersonField, person_fields

_TAG_CHARACTERS: Final = 32


class Origin(StrEnum):
    """How a recipient was created. The origin never changes."""

    DIRECTORY = "directory"
    CSV = "csv"
    MANUAL = "manual"


class Status(StrEnum):
    """Whether parcels can be addressed to a recipient and, if not, what deactivated it."""

    ACTIVE = "active"
    DEACTIVATED_BY_SYNC = "deactivated_by_sync"
    DEACTIVATED_MANUALLY = "deactivated_manually"


class Profile(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """The personal data of a recipient. Unknown values are None, never empty text.

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
    #: Other e-mail addresses that a label may show; from the directory only, never imported or edited.
    aliases: tuple[str, ...] = ()


PROFILE_FIELDS: tuple[str, ...] = Profile.__struct_fields__
#: The fields that people and files can set. All of them are text.
PERSON_FIELDS: Final = person_fields(Profile)
TEXT_FIELDS: tuple[str, ...] = tuple(PERSON_FIELDS)
#: Those of them that contain an e-mail address, and those that contain a phone number.
ADDRESS_FIELDS: Final = frozenset({"mail", "manager_mail"})
PHONE_FIELDS: Final = frozenset({"mobile_phone", "business_phone"})
#: Names of these fields in the API and in exports.
API_NAMES: Final = {
    field.name: field.encode_name for field in msgspec.structs.fields(Profile) if field.name in PERSON_FIELDS
}


class Recipient(msgspec.Struct, frozen=True, gc=False):
    """One person at one location, as stored."""

    id: RecipientId
    origin: Origin
    status: Status
    profile: Profile
    #: The directory user of this recipient; None if not matched.
    object_id: ObjectId | None = None
    #: The connection that this directory user belongs to.
    connection: ConnectionId | None = None
    #: The directory's values when last written. A sync writes only the fields that the directory has changed since.
    last_applied: Profile | None = None
    #: Reason of the last deactivation; None while active.
    reason: str | None = None
    #: The mapped groups that assign the person to this location, sorted; after a departure, the last such groups.
    groups: tuple[ObjectId, ...] = ()

    @property
    def has_invalid_address(self) -> bool:
        """Whether the recipient is active and its e-mail address, as sent by a directory, is not a valid one."""
        mail = self.profile.mail
        return mail is not None and self.status is Status.ACTIVE and not is_address(mail)

    def tag(self) -> str:
        """Return the entity tag: a hash that differs between different versions of the recipient."""
        return sha256(msgspec.json.encode(self)).hexdigest()[:_TAG_CHARACTERS]


class Reason(StrEnum):
    """Why a recipient was changed or skipped. The values are stable: stored, exported and parsed by clients."""

    NEW = "new"
    DIRECTORY_CHANGED = "directory_changed"
    #: The mapped groups that assign them to the location have changed.
    GROUPS_CHANGED = "groups_changed"
    RETURNED = "returned"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_DELETED = "account_deleted"
    #: The directory does not show whether the account is enabled; nothing was changed.
    STATUS_UNKNOWN = "status_unknown"
    LEFT_GROUP = "left_group"
    #: The location rule no longer assigns them to the location, and they are not in a mapped group.
    ATTRIBUTE_CHANGED = "attribute_changed"
    GUEST_EXCLUDED = "guest_excluded"
    #: They have no e-mail address, and the preferences require one.
    NO_EMAIL = "no_email"
    #: A filter by attribute excludes them.
    FILTERED = "filtered"
    #: The location has no source any more, because all its mappings were removed.
    MAPPING_REMOVED = "mapping_removed"
    #: A recipient of origin `csv` or `manual` has this e-mail, and the preferences forbid updating it.
    CSV_OWNS = "csv_owns"
    #: The match is ambiguous: several directory users or several recipients have the address or the employee id.
    AMBIGUOUS_EMAIL = "ambiguous_email"
    #: A recipient of origin `csv` or `manual` matches, but belongs to another account, which may be deleted.
    EARLIER_ACCOUNT = "earlier_account"
    #: Beside the recipient of the directory, one of origin `csv` or `manual` is the same person.
    SECOND_RECIPIENT = "second_recipient"
    DEACTIVATED_MANUALLY = "deactivated_manually"
    #: A row of a CSV file created, changed or reactivated the recipient.
    IMPORTED = "imported"
    #: A run that had changed the recipient was undone.
    UNDONE = "undone"
    #: A person changed the recipient.
    EDITED = "edited"
    #: The file of an overwriting import does not contain this recipient of origin `csv`.
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
    #: None only for a skipped person who does not have a recipient.
    recipient: RecipientId | None = None
    object_id: ObjectId | None = None
    display_name: str | None = None
    #: Names of the profile fields that changed.
    fields: tuple[str, ...] = ()
    #: The row before the change, used to undo a run; None for a recipient that was created.
    before: Recipient | None = None


#: An enumeration takes longer to iterate over.
_KINDS: Final = tuple(ChangeKind)


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Number of changes by kind. Counts can be added over batches, locations and runs."""

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

    @property
    def net(self) -> int:
        """By how much the changes raise the number of active recipients; can be negative."""
        return self.created + self.reactivated - self.deactivated

    @classmethod
    def of(cls, changes: "list[Change] | tuple[Change, ...]") -> "Counts":
        """Count changes by kind."""
        kinds = [change.kind for change in changes]
        return cls(**{kind.value: kinds.count(kind) for kind in _KINDS})
