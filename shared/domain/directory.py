"""Users, groups and changes as a directory provider delivers them, and what may be concluded from reading them.

Two types carry the most important promise of the product: absence can be concluded only from a `CompleteSnapshot`
(see `shared.domain.snapshots.snapshot`), and a `Delta` removes only what it names.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from shared.domain.ids import MAIN, ConnectionId, ObjectId, SourceId, group_source, whole_directory
from shared.domain.person_field import PersonField


class DirectoryUser(msgspec.Struct, frozen=True, array_like=True, omit_defaults=False, gc=False):
    """A user as last read. Empty text never occurs: what the directory does not know is None.

    A user of a source that is read `by_id` has an id and nothing else, not even the name that every user has in the
    directory. Snapshots store users as arrays, so new fields are added at the end, with a default
    (docs/how-to/add-a-recipient-field.md).
    """

    id: ObjectId
    user_principal_name: Annotated[str, PersonField("User principal name", filterable=True)]
    account_enabled: bool = True
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
    #: Other SMTP addresses than `mail`, in lower case, sorted.
    aliases: tuple[str, ...] = ()
    #: The user that they report to; known only where managers were requested.
    manager: ObjectId | None = None
    cost_center: str | None = None
    street_address: str | None = None

    @classmethod
    def only(cls, person: ObjectId) -> "DirectoryUser":
        """Return a user of which only the id is known."""
        return cls(person, "")

    @property
    def only_id(self) -> bool:
        """Whether only the id is known."""
        return not self.user_principal_name


class Group(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A directory group, as the picker shows it."""

    id: ObjectId
    display_name: str
    mail: str | None = None
    hidden_membership: bool = False


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to fetch: every user (`group` is None), or the users in one group, nested ones too if `transitive`."""

    connection: ConnectionId = MAIN
    group: ObjectId | None = None
    transitive: bool = True
    #: Only the ids of the members are read: the whole directory is read as well, and provides the rest.
    by_id: bool = False

    @property
    def id(self) -> SourceId:
        """The source's name in keys and messages."""
        if self.group is None:
            return whole_directory(self.connection)
        return group_source(self.connection, self.group, transitive=self.transitive)

    @property
    def subject(self) -> str:
        """What a problem with it concerns, for people to read: `users`, or the group by its own id."""
        if self.group is None:
            return "users"
        return f"group:{self.group}" if self.transitive else f"direct-group:{self.group}"


#: Fields of DirectoryUser by name, as a change mentions them.
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
    """One page of a listing. A listing may name a user on several pages, and take back a user that it has named."""

    users: list[DirectoryUser]
    #: Opaque cursor of the next page; None only when the directory said that this page is the last.
    next_cursor: str | None
    #: Users of earlier pages that do not belong to the listing after all.
    removed: tuple[ObjectId, ...] = ()
    #: On the last page, where the listing itself yields one: the cursor from which `changes` continues.
    change_cursor: str | None = None
    #: On the last page: whether the absence of a person may be concluded from the whole listing.
    conclusive: bool = True


class ChangesPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of changes since a cursor. Exactly one of `next_cursor` and `change_cursor` is set.

    A page without `changes` and `to_read` means that nothing has changed. A directory that cannot continue from a
    cursor raises DeltaLinkExpired instead: then only a full listing helps.
    """

    #: In the order of the directory; a user who was deleted and restored is named twice. Each has the fields of
    #: DirectoryUser that the directory mentioned, by field name; None for a deleted user. The others are unchanged.
    changes: list[tuple[ObjectId, Fields | None]]
    #: Users that the directory reports as changed without saying how; they have to be read by their ids.
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
    """Answer of an existence check about one person who is about to be deactivated.

    Every answer but UNKNOWN needs evidence about that very person.
    """

    #: Enabled, and still in at least one of the sources asked about: must not be deactivated.
    FOUND = "found"
    #: Exists and is enabled, but is in none of the sources asked about.
    NOT_IN_SOURCE = "not_in_source"
    DISABLED = "disabled"
    #: Exists, is enabled, and is a guest; the caller decides whether guests count.
    GUEST = "guest"
    #: The directory answered that this user does not exist.
    NOT_FOUND = "not_found"
    #: The answer proves nothing, so the person stays.
    UNKNOWN = "unknown"
