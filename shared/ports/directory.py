"""Directories, as the workflows read them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from shared.domain.connections.connection import Connection, ConnectionForm
from shared.domain.connections.validation_report import Validation
from shared.domain.directory import (
    AssignmentsPage,
    Capability,
    ChangesPage,
    DirectoryUser,
    Existence,
    Group,
    Source,
    UsersPage,
)
from shared.domain.ids import ObjectId
from shared.domain.problem import Explanation
from shared.errors import SyncError


class Directory(Protocol):
    """One tenant's directory, read with its credentials. Every method may raise Transient or NeedsAttention.

    Cursors are opaque text: the engine stores them and passes them back unchanged.
    """

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this directory can do. The methods that say so may be called only with the capability."""

    async def users(self, source: Source, cursor: str | None = None, *, managers: bool = False) -> UsersPage:
        """Return the first page of the source's users, or the one that `cursor` names.

        `managers` (Capability.MANAGERS) makes a listing of all users name their managers; it holds for all pages.

        Raises:
            NotFound: The group does not exist (`group_not_found`).
            PageTokenExpired: The listing must begin again; discard the pages that were read.
            DeltaLinkExpired: As above.
        """

    async def change_cursor(self) -> str:
        """Return the cursor from which `changes` reports everything that happens from now on.

        Needs Capability.CHANGE_FEED.
        """

    async def changes(self, cursor: str) -> ChangesPage:
        """Return one page of changes of users. Needs Capability.CHANGE_FEED.

        Raises DeltaLinkExpired when only a full listing helps.
        """

    async def check_existence(
        self, people: Sequence[ObjectId], groups: Sequence[Source]
    ) -> Mapping[ObjectId, Existence]:
        """Return whether each person exists in the whole directory, or in one of the `groups` if there are any.

        Every answer but UNKNOWN rests on evidence about that very person.
        """

    async def find_users(self, text: str) -> Sequence[DirectoryUser]:
        """Return up to ten users with this id, user principal name or e-mail address, in any case."""

    async def users_by_id(self, people: Sequence[ObjectId]) -> Sequence[DirectoryUser]:
        """Return those of the users who exist."""

    async def find_groups(self, search: str) -> Sequence[Group]:
        """Return up to 50 groups whose name begins with `search`, or the one group whose id it is."""

    async def groups_by_id(self, groups: Sequence[ObjectId]) -> Sequence[Group]:
        """Return those of the groups that exist."""

    async def groups_of_user(self, person: ObjectId) -> Sequence[Group]:
        """Return the groups that a user is directly in. Raises NotFound."""

    async def groups_of_group(self, group: ObjectId) -> Sequence[Group]:
        """Return the groups that a group is directly in. Raises NotFound. Needs Capability.NESTED_GROUPS."""

    async def assignments(self, application: str, cursor: str | None = None) -> AssignmentsPage:
        """Return a page of the users and groups that are assigned to a sign-in application.

        Needs Capability.ASSIGNMENTS. Raises NotFound (`application_not_found`).
        """


class ValidationScope(Protocol):
    """For whom a form is validated, and how often its credentials may be tried."""

    @property
    def sign_in_application(self) -> str | None:
        """Application whose assignments are read; None for the one of the form."""

    @property
    def is_stored(self) -> bool:
        """Whether the form was accepted before, and is only checked again."""

    def vouches_for(self, directory: str) -> bool:
        """Return whether the caller belongs to a directory, or is trusted with every one."""

    async def count_check(self, directory: str) -> None:
        """Count a validation of a directory. Raises RateLimited."""

    def count_guess(self, directory: str, is_guess: Callable[[SyncError], bool]) -> AbstractAsyncContextManager[None]:
        """Count a sign-in, unless it succeeds or fails with an error that is no guess. Raises RateLimited."""


class DirectoryProvider(Protocol):
    """One kind of directory: how to connect it, to open it, and to explain its errors."""

    @property
    def name(self) -> str:
        """Name in stored connections."""

    @property
    def form(self) -> type[ConnectionForm]:
        """What an admin enters; its JSON schema is part of the API."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What its directories can do."""

    async def validate(self, form: ConnectionForm, scope: ValidationScope) -> Validation:
        """Return everything that is wrong with a form, and what to store if nothing is. Raises RateLimited."""

    def object_id(self, text: str) -> ObjectId:
        """Return an entered id of a person or a group as the directories write it. Raises Rejected if it is not one."""

    def stored_form(self, connection: Connection, secrets: Mapping[str, str], *, sso_users: bool) -> ConnectionForm:
        """Return the form with which a stored connection is validated again."""

    def open(self, connection: Connection, secrets: Mapping[str, str]) -> AbstractAsyncContextManager[Directory]:
        """Return the directory of a connection for as long as the context lasts. Opening sends no request."""

    def explain(self, code: str) -> Explanation:
        """Return what the code of an error of its directories means, with its category; ours if it is unknown."""
