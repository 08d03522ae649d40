"""Directories, as the workflows read them."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from shared.domain.connections.certificate import Certificate
from shared.domain.connections.connection import Credentials
from shared.domain.connections.credential_expiry import Registration
from shared.domain.connections.entra.token_identity import TokenReport
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

    async def token(self) -> TokenReport:
        """Return what a fresh, uncached token says. Raises: LoginRefused with the AADSTS number as code."""

    async def registration(self, client_id: str) -> Registration | None:
        """Return the app registration of an application, None if it is registered in another tenant."""


class EntraSession(Directory, Protocol):
    """A directory of Entra ID that is open, with what only validating its connection needs."""

    async def token(self) -> TokenReport:
        """Return what a fresh, uncached token says. Raises LoginRefused with the AADSTS number as code."""

    async def registration(self, client_id: str) -> Registration | None:
        """Return the app registration of an application, None if it is registered in another tenant."""


class DirectoryFactory(Protocol):
    """Opens directories."""

    def open(self, credentials: Credentials) -> AbstractAsyncContextManager[EntraSession]:
        """Return a directory that lives as long as the context. Opening sends no request."""


class CertificateReader(Protocol):
    """Opens certificates that people paste or upload."""

    async def read(self, text: str, password: str) -> Certificate:
        """Return the certificate in PEM or in a PFX in base64.

        Raises: Rejected with code `certificate_unreadable`, `certificate_password` or `certificate_without_key`.
        """
