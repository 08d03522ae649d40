"""A second provider, as unlike Entra as the ports allow.

It needs no credentials and has no capability. Its ids are hostile text, and its listings can be inconclusive.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import ClassVar, Final, NoReturn

import msgspec

from shared.domain.connections.connection import Connection, ConnectionForm, ProviderSettings
from shared.domain.connections.validation_report import Check, Report, Validation
from shared.domain.directory import Capability, DirectoryUser, Existence, Group, Source, UsersPage
from shared.domain.ids import MAIN, ConnectionId, ObjectId, object_id
from shared.domain.problem import ErrorCategory, Explanation
from shared.errors import NotFound
from shared.ports.directory import ValidationScope

NAME: Final = "bare"
#: Ids that differ only in case, contain what keys and URLs forbid, are not ASCII, or are as long as allowed.
HOSTILE_IDS: Final = tuple(
    ObjectId(text)
    for text in (
        "ada",
        "ADA",
        "a/d#a?@x:y",
        "\\ada%2F'\"",
        "Ünïcode-人-😀",
        "i" * 128,
        "I" * 128,
        "main:ada",
        "users",
        "group-ada",
        " spaced out ",
        "..",
    )
)


def hostile_id(number: int) -> ObjectId:
    """Return the n-th id; beyond the list, one that has a number."""
    return HOSTILE_IDS[number] if number < len(HOSTILE_IDS) else ObjectId(f"ID/{number}#é")


class BareDirectory:
    """`Directory` without any capability: users and flat groups in dicts, two users a page."""

    capabilities: frozenset[Capability] = frozenset()

    def __init__(self) -> None:
        self.people: dict[ObjectId, DirectoryUser] = {}
        self.members: dict[ObjectId, list[ObjectId]] = {}
        #: Whether absence may be concluded from listings.
        self.conclusive = True
        #: Users that were deleted, of whom the directory therefore knows that they do not exist.
        self.deleted: set[ObjectId] = set()
        #: Users that a listing leaves out although they exist.
        self.unlisted: set[ObjectId] = set()

    def put(self, *users: DirectoryUser) -> None:
        """Add users, or replace them."""
        self.people.update((user.id, user) for user in users)

    def remove(self, *people: ObjectId) -> None:
        """Delete users."""
        for person in people:
            del self.people[person]
            self.deleted.add(person)

    async def lost_permissions(self, *, sso_users: bool, proven: Source | None) -> Mapping[str, str]:
        """Return nothing: this directory has no permissions."""
        del sso_users, proven
        return {}

    async def users(self, source: Source, cursor: str | None = None, *, managers: bool = False) -> UsersPage:
        """Return a page of a source."""
        assert not managers, "this directory names no managers"
        ids = sorted(self._ids(source) - self.unlisted)
        start = int(cursor or 0)
        page = ids[start : start + 2]
        last = start + 2 >= len(ids)
        return UsersPage(
            users=[DirectoryUser.only(person) if source.by_id else self.people[person] for person in page],
            next_cursor=None if last else str(start + 2),
            conclusive=self.conclusive,
        )

    async def change_cursor(self) -> NoReturn:
        """Fail: there is no change feed."""
        raise AssertionError("this directory has no change feed")

    async def changes(self, cursor: str) -> NoReturn:
        """Fail: there is no change feed."""
        raise AssertionError(f"this directory has no change feed, and gave no cursor {cursor!r}")

    async def check_existence(
        self, people: Sequence[ObjectId], groups: Sequence[Source]
    ) -> Mapping[ObjectId, Existence]:
        """Return what is certain; of a user who was never there nothing is."""
        inside = {person for group in groups for person in self._ids(group)} if groups else set(self.people)
        return {person: self._existence(person, inside) for person in people}

    def _existence(self, person: ObjectId, inside: set[ObjectId]) -> Existence:
        user = self.people.get(person)
        if user is None:
            return Existence.NOT_FOUND if person in self.deleted else Existence.UNKNOWN
        if not user.active:
            return Existence.DISABLED
        if person not in inside:
            return Existence.NOT_IN_SOURCE
        return Existence.GUEST if user.guest else Existence.FOUND

    async def find_users(self, text: str) -> Sequence[DirectoryUser]:
        """Return the users with this id, name or address."""
        word = text.strip().casefold()
        return [
            user
            for user in self.people.values()
            if text == user.id or word in {user.user_principal_name.casefold(), (user.mail or "").casefold()}
        ]

    async def users_by_id(self, people: Sequence[ObjectId]) -> Mapping[ObjectId, DirectoryUser | None]:
        """Return the users, None for a deleted one; of a user who was never there nothing is certain."""
        known = [person for person in people if person in self.people or person in self.deleted]
        return {person: self.people.get(person) for person in known}

    async def find_groups(self, search: str) -> Sequence[Group]:
        """Return the groups whose id begins with the text."""
        return [_group(group) for group in sorted(self.members) if group.startswith(search)]

    async def groups_by_id(self, groups: Sequence[ObjectId]) -> Sequence[Group]:
        """Return those of the groups that exist."""
        return [_group(group) for group in groups if group in self.members]

    async def groups_of_user(self, person: ObjectId) -> Sequence[Group]:
        """Return the groups of a user. Raises NotFound."""
        if person not in self.people:
            raise NotFound("There is no such user.", code="user_not_found")
        return [_group(group) for group, members in self.members.items() if person in members]

    async def groups_of_group(self, group: ObjectId) -> NoReturn:
        """Fail: groups contain no groups."""
        raise AssertionError(f"groups are flat, also {group!r}")

    async def assignments(self, application: str, cursor: str | None = None) -> NoReturn:
        """Fail: there are no assignments."""
        raise AssertionError(f"this directory knows no application {application!r}, {cursor!r}")

    def _ids(self, source: Source) -> set[ObjectId]:
        if source.group is None:
            return set(self.people)
        if source.group not in self.members:
            raise NotFound("There is no such group.", code="group_not_found")
        return {member for member in self.members[source.group] if member in self.people}


class BareForm(ConnectionForm, frozen=True, kw_only=True):
    """The name of a directory is all that an admin enters."""

    provider: ClassVar[str] = NAME

    directory: str


class BareProvider:
    """`DirectoryProvider` of directories by name."""

    name = NAME
    form: type[ConnectionForm] = BareForm
    capabilities: frozenset[Capability] = frozenset()

    def __init__(self) -> None:
        self.directories: dict[str, BareDirectory] = {}

    def add(self, name: str) -> BareDirectory:
        """Create a directory."""
        return self.directories.setdefault(name, BareDirectory())

    async def validate(self, form: ConnectionForm, scope: ValidationScope) -> Validation:
        """Check that the directory exists."""
        assert isinstance(form, BareForm)
        await scope.count_check(form.directory)
        if form.directory not in self.directories:
            failed = Check.failed("directory", "The directory does not exist", "It was not found.", "Check the name.")
            return Validation(report=Report.of([failed]))
        passed = Check.passed("directory", "The directory exists")
        return Validation(report=Report.of([passed]), settings=bare_settings(form.directory))

    def object_id(self, text: str) -> ObjectId:
        """Return the id; case and spaces are part of it."""
        return object_id(text)

    def stored_form(self, connection: Connection, secrets: Mapping[str, str], *, sso_users: bool) -> BareForm:
        """Return the form of a stored connection."""
        assert not secrets
        del sso_users
        return BareForm(directory=connection.settings.document)

    @asynccontextmanager
    async def open(self, connection: Connection, secrets: Mapping[str, str]) -> AsyncIterator[BareDirectory]:
        """Open the directory; there is nothing to sign in with."""
        assert not secrets
        yield self.directories[connection.settings.document]

    def explain(self, code: str) -> Explanation:
        """Know no code."""
        return Explanation(title="Unexpected error", detail=code, fix="Report it.", category=ErrorCategory.OURS)


def bare_settings(directory: str) -> ProviderSettings:
    """Return the settings of a directory; the document is its name, in the third version of its schema."""
    fingerprint = sha256(directory.encode()).hexdigest()
    return ProviderSettings(provider=NAME, version=3, document=directory, fingerprint=fingerprint)


def bare_connection(directory: str, connection: ConnectionId = MAIN) -> Connection:
    """Return a stored connection without secrets."""
    return Connection(
        id=connection,
        settings=bare_settings(directory),
        secrets=None,
        connected_at=datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
    )


def bare_user(number: int, **fields: object) -> DirectoryUser:
    """Return the n-th user, who has a hostile id."""
    plain = DirectoryUser(hostile_id(number), f"user{number}@example.com", mail=f"user{number}@example.com")
    return msgspec.structs.replace(plain, display_name=f"User {number}", **fields)


def _group(group: ObjectId) -> Group:
    return Group(id=group, display_name=f"Group {group}")
