"""What a directory holds, as the product sees it, and what may be concluded from having read it.

Two types carry the most important promise of the product: absence can be concluded only from a `CompleteSnapshot`
(see `shared.domain.snapshots.snapshot`), and a `Delta` removes only what it names.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from shared.domain.ids import ObjectId, SourceId
from shared.domain.person_field import PersonField


class DirectoryUser(msgspec.Struct, frozen=True, array_like=True, omit_defaults=False, gc=False):
    """A user as last read. Empty text never occurs: what the directory does not know is None.

    One of a source that is read `by_id` has an id and nothing else: no name, which everybody has in the directory.
    Stored as an array (see `shared.domain.snapshots.snapshot`), so fields are only ever added at the end, with a
    default.
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
    #: The user whom they report to; known only where managers were asked for.
    manager: ObjectId | None = None

    @classmethod
    def only(cls, person: ObjectId) -> "DirectoryUser":
        """Return a user of whom nothing is known but who it is."""
        return cls(person, "")

    @property
    def only_id(self) -> bool:
        """Whether nothing is known but who it is."""
        return not self.user_principal_name


class Group(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A directory group, as the picker shows it."""

    id: ObjectId
    display_name: str
    mail: str | None = None
    hidden_membership: bool = False


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to fetch: every user (`group` is None), or the users in one group, nested ones too if `transitive`."""

    group: ObjectId | None = None
    transitive: bool = True
    #: Only who is in the group is read: wherever that matters, the whole directory is read too, and tells the rest.
    by_id: bool = False

    @property
    def id(self) -> SourceId:
        """The source's name in keys and messages."""
        if self.group is None:
            return SourceId("users")
        return SourceId(f"group-{self.group}" if self.transitive else f"group-{self.group}-direct")


#: Fields of DirectoryUser by name, as a change mentions them.
Fields = dict[str, str | bool | tuple[str, ...] | None]


class UsersPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of users. `next_link` is opaque; None only when the directory said that this page is the last.

    `conclusive` counts on the last page: whether the absence of a person may be concluded from the whole listing.
    """

    users: list[DirectoryUser]
    next_link: str | None
    conclusive: bool = True


class DeltaPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of changes since a delta link. Exactly one of `next_link` and `delta_link` is set.

    `changes` are in the order of the directory: somebody who was deleted and restored is named twice. Each names a
    user and those fields of DirectoryUser that the directory mentioned, by field name, None for a user who is gone;
    what is not mentioned is unchanged.
    """

    changes: list[tuple[ObjectId, Fields | None]]
    next_link: str | None
    delta_link: str | None


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """A user or a group that is assigned to an enterprise application."""

    principal_id: ObjectId
    group: bool


class AssignmentsPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of assignments; `next_link` as in UsersPage."""

    assignments: list[Assignment]
    next_link: str | None


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
