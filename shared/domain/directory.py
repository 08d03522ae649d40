"""Directory model: users, groups, pages of listings and changes, independent of the provider.

Two types enforce the most important guarantee of the product: absence can be concluded only from a `CompleteSnapshot`
(see `shared.domain.snapshots.snapshot`), and a `Delta` removes only the users that it names.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from shared.domain.ids import MAIN, ConnectionId, ObjectId, SourceId, group_source, whole_directory
from shared.domain.person_field import PersonField


class InactiveReason(StrEnum):
    """Why a person who still exists in the directory is not active there, or not known to be."""

    DISABLED = "disabled"
    SUSPENDED = "suspended"
    ARCHIVED = "archived"
    #: The directory does not show whether the account is enabled; the recipient stays as it is.
    UNKNOWN = "unknown"


class DirectoryUser(msgspec.Struct, frozen=True, array_like=True, omit_defaults=False, gc=False):
    """A user as last read. Unknown values are None, never empty text.

    Users of a source that is read `by_id` have only an id; their user principal name is empty. Snapshots store users as
    arrays, so new fields must be added at the end, with a default (docs/how-to/add-a-recipient-field.md).
    """

    id: ObjectId
    user_principal_name: Annotated[str, PersonField("User principal name", filterable=True)]
    #: Why the person is not active; None for active people.
    inactive: InactiveReason | None = None
    guest: bool = False
    display_name: str | None = None
    given_name: str | None = None
    surname: str | None = None
    mail: str | None = None
    mobile_phone: str | None = None
    business_phone: str | None = None
    department: str | None = None
    job_title: str | None = None
    office_location: str | None = None
    employee_id: str | None = None
    employee_type: str | None = None
    company_name: str | None = None
    #: SMTP addresses of the mailbox other than `mail`, in lower case, sorted.
    aliases: tuple[str, ...] = ()
    #: The user's manager; read only if the preferences ask for managers.
    manager: ObjectId | None = None
    cost_center: str | None = None
    street_address: str | None = None
    #: Addresses outside the organisation's mail system, in lower case, sorted. They are used for matching only.
    other_mails: tuple[str, ...] = ()

    @classmethod
    def only(cls, person: ObjectId) -> "DirectoryUser":
        """Create a user with nothing but an id."""
        return cls(person, "")

    @property
    def active(self) -> bool:
        """Whether the person is known to be active in the directory."""
        return self.inactive is None

    @property
    def only_id(self) -> bool:
        """Whether only the id of the user is known."""
        return not self.user_principal_name


class Group(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A directory group, as shown in the group picker."""

    id: ObjectId
    display_name: str
    mail: str | None = None
    hidden_membership: bool = False


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to read: all users (`group` is None), or a group's users, including nested groups if `transitive`."""

    connection: ConnectionId = MAIN
    group: ObjectId | None = None
    transitive: bool = True
    #: Whether only the ids of the members are read, because the whole directory is read too and supplies the rest.
    by_id: bool = False

    @property
    def id(self) -> SourceId:
        """The source id, as used in keys and messages."""
        if self.group is None:
            return whole_directory(self.connection)
        return group_source(self.connection, self.group, transitive=self.transitive)

    @property
    def subject(self) -> str:
        """The name of the source in problems: `users`, or the group with its directory id."""
        if self.group is None:
            return "users"
        return f"group:{self.group}" if self.transitive else f"direct-group:{self.group}"


#: Values of DirectoryUser's fields, by field name, as reported in a change.
Fields = dict[str, str | bool | tuple[str, ...] | None]


class Capability(StrEnum):
    """What a directory can do beyond listing users and the members of groups. A complete sync needs none of these."""

    #: Reports changes since a cursor; without it every sync lists its sources in full.
    CHANGE_FEED = "change_feed"
    #: Groups can contain groups; without it only direct members exist.
    NESTED_GROUPS = "nested_groups"
    #: A listing of all users can name their managers.
    MANAGERS = "managers"
    #: Lists the users and groups that are assigned to a sign-in application.
    ASSIGNMENTS = "assignments"
    #: Knows when its own credentials expire.
    CREDENTIAL_EXPIRY = "credential_expiry"


class UsersPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a listing. A listing may contain a user on several pages, and remove a user of an earlier page."""

    users: list[DirectoryUser]
    #: Users that the directory lists as changes, as in ChangesPage; they come before `users`. A user without a user
    #: principal name is read by id.
    changes: list[tuple[ObjectId, Fields | None]] = []
    #: Opaque cursor of the next page; None only when the directory said that this page is the last.
    next_cursor: str | None
    #: On the last page, where the listing itself yields one: the cursor from which `changes` continues.
    change_cursor: str | None = None
    #: On the last page: whether the absence of a person may be concluded from the whole listing.
    conclusive: bool = True


class ChangesPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of changes since a cursor. Exactly one of `next_cursor` and `change_cursor` is set.

    A page without `changes` and `to_read` means that nothing has changed. A directory that cannot continue from a
    cursor raises DeltaLinkExpired instead; the source must then be read in full.
    """

    #: In the order of the directory; a user who was deleted and restored appears twice. A change has the fields of
    #: DirectoryUser that the directory mentioned, by field name, or None for a deleted user. The others are unchanged.
    changes: list[tuple[ObjectId, Fields | None]]
    #: Users that the directory reports as changed without saying how; they must be read by id.
    to_read: tuple[ObjectId, ...] = ()
    next_cursor: str | None
    #: Opaque cursor from which the next sync continues.
    change_cursor: str | None


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """A user or a group that is assigned to a sign-in application."""

    principal_id: ObjectId
    group: bool


class AssignmentsPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of assignments; `next_cursor` as in UsersPage."""

    assignments: list[Assignment]
    next_cursor: str | None


class Existence(StrEnum):
    """Answer of an existence check about one person, who would otherwise be deactivated.

    Every answer but UNKNOWN needs evidence about that very person.
    """

    #: Enabled, and still in at least one of the checked sources: must not be deactivated.
    FOUND = "found"
    #: Exists and is enabled, but is in none of the checked sources.
    NOT_IN_SOURCE = "not_in_source"
    DISABLED = "disabled"
    #: Exists, is enabled, and is a guest; the caller decides whether guests count.
    GUEST = "guest"
    #: The directory answered that this user does not exist.
    NOT_FOUND = "not_found"
    #: The answer proves nothing, so the person stays.
    UNKNOWN = "unknown"
