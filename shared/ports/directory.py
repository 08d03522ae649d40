"""Directories and their providers, as seen by the workflows."""

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
        """The capabilities of this directory. Methods that need a capability may be called only if it is present."""

    async def users(self, source: Source, cursor: str | None = None, *, managers: bool = False) -> UsersPage:
        """Return the first page of the source's users, or the one that `cursor` names.

        With `managers` (Capability.MANAGERS), a listing of all users includes their managers, on all pages.

        Raises:
            NotFound: if the group does not exist (`group_not_found`).
            PageTokenExpired: if the listing must start again; the caller discards the pages that it has read.
            DeltaLinkExpired: likewise.

        """

    async def change_cursor(self) -> str:
        """Return the cursor from which `changes` reports everything that happens from now on.

        Needs Capability.CHANGE_FEED. Raises ChangeFeedUnsupported if the directory does not have it after all.
        """

    async def changes(self, cursor: str) -> ChangesPage:
        """Return one page of changes of users. Needs Capability.CHANGE_FEED.

        Raises DeltaLinkExpired if the source must be read in full.
        """

    async def check_existence(
        self, people: Sequence[ObjectId], groups: Sequence[Source]
    ) -> Mapping[ObjectId, Existence]:
        """Return whether each person exists in the whole directory, or in one of the `groups` if there are any.

        Every answer except UNKNOWN requires evidence about that very person.
        """

    async def lost_permissions(self, *, sso_users: bool, proven: Source | None) -> Mapping[str, str]:
        """Return the needed permissions that the credentials no longer have, with what each is required for.

        Reading the source `proven` proves its own permissions. Empty if the directory cannot tell. Sends no request.
        """

    async def find_users(self, text: str) -> Sequence[DirectoryUser]:
        """Return up to ten users with this id, user principal name or e-mail address, ignoring case."""

    async def users_by_id(self, people: Sequence[ObjectId]) -> Mapping[ObjectId, DirectoryUser | None]:
        """Return the users with these ids, None for a user who does not exist according to the directory's own answer.

        People without a clear answer are left out. Managers are not read.
        """

    async def find_groups(self, search: str) -> Sequence[Group]:
        """Return up to 50 groups whose name begins with `search`, or the group with this id."""

    async def groups_by_id(self, groups: Sequence[ObjectId]) -> Sequence[Group]:
        """Return the groups with these ids, without those that do not exist."""

    async def groups_of_user(self, person: ObjectId) -> Sequence[Group]:
        """Return the groups of which a user is a direct member. Raises NotFound if the user does not exist."""

    async def groups_of_group(self, group: ObjectId) -> Sequence[Group]:
        """Return the groups of which a group is a direct member. Needs Capability.NESTED_GROUPS.

        Raises NotFound if the group does not exist.
        """

    async def assignments(self, application: str, cursor: str | None = None) -> AssignmentsPage:
        """Return a page of the users and groups that are assigned to a sign-in application.

        Needs Capability.ASSIGNMENTS. Raises NotFound (`application_not_found`).
        """


class ValidationScope(Protocol):
    """Scope of a validation: the caller, the sign-in application, and the rate limits of attempts."""

    @property
    def sign_in_application(self) -> str | None:
        """The application whose assignments are read; None for the application in the form."""

    @property
    def is_stored(self) -> bool:
        """Whether the form belongs to a stored connection that is validated again."""

    def vouches_for(self, directory: str) -> bool:
        """Return whether the caller belongs to a directory or is trusted with all directories."""

    async def count_check(self, directory: str) -> None:
        """Count a validation of a directory by this caller. Raises RateLimited above the limit."""

    def count_guess(self, directory: str, is_guess: Callable[[SyncError], bool]) -> AbstractAsyncContextManager[None]:
        """Count a sign-in by this caller unless it succeeds or fails with an error that does not indicate a guess.

        Raises RateLimited above the limit.
        """


class DirectoryProvider(Protocol):
    """One kind of directory: how to connect it, to open it, and to explain its errors."""

    @property
    def name(self) -> str:
        """The name of the provider in stored connections."""

    @property
    def form(self) -> type[ConnectionForm]:
        """The form that an admin fills in. Its JSON schema is part of the API."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """The capabilities of its directories."""

    async def validate(self, form: ConnectionForm, scope: ValidationScope) -> Validation:
        """Validate a form. Return the report and, if the form is valid, what to store.

        Raises RateLimited above the limits of the scope.
        """

    def object_id(self, text: str) -> ObjectId:
        """Return an entered id of a person or a group as the directories write it. Raises Rejected if it is not one."""

    def stored_form(self, connection: Connection, secrets: Mapping[str, str], *, sso_users: bool) -> ConnectionForm:
        """Return the form with which a stored connection is validated again."""

    def open(self, connection: Connection, secrets: Mapping[str, str]) -> AbstractAsyncContextManager[Directory]:
        """Return the directory of a connection for as long as the context lasts. Opening sends no request."""

    def explain(self, code: str) -> Explanation:
        """Explain an error code of its directories. The category of an unknown code is `ours`."""
