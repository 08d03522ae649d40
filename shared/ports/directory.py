"""Directories, as the workflows read them."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from shared.domain.connections.certificate import Certificate
from shared.domain.connections.connection import Credentials
from shared.domain.connections.credential_expiry import Registration
from shared.domain.connections.entra.token_identity import TokenReport
from shared.domain.directory import AssignmentsPage, DeltaPage, DirectoryUser, Existence, Group, Source, UsersPage
from shared.domain.ids import ObjectId


class Directory(Protocol):
    """One tenant's directory, read with its credentials. Every method may raise Transient or NeedsAttention."""

    async def latest_delta_link(self) -> str:
        """Return a link that leads to whatever changes about users from now on, without listing any."""

    def everybody_with_managers(self) -> str:
        """Return the link with which `changed_users` lists everybody, with their managers, and then what changes."""

    async def users(self, source: Source, next_link: str | None = None) -> UsersPage:
        """Return the first page of the source's users, or the one that `next_link` names.

        Raises: NotFound (`group_not_found`) for a group that is not there; PageTokenExpired when the listing
        must start again from its first page, forgetting what was read.
        """

    async def changed_users(self, link: str) -> DeltaPage:
        """Return one page of changes. Raises: DeltaLinkExpired when only a full listing helps."""

    async def check_existence(
        self, people: Sequence[ObjectId], groups: Sequence[Source]
    ) -> Mapping[ObjectId, Existence]:
        """Return whether each person exists in the whole directory, or in one of the `groups` if there are any."""

    async def find_users(self, text: str) -> Sequence[DirectoryUser]:
        """Return the users, up to ten, with this object id, user principal name or e-mail address, in any case."""

    async def users_by_id(self, people: Sequence[ObjectId]) -> Sequence[DirectoryUser]:
        """Return those of the users whom the directory still has."""

    async def groups_of_user(self, person: ObjectId) -> Sequence[Group]:
        """Return the groups that a user is directly in. Raises: NotFound."""

    async def groups_of_group(self, group: ObjectId) -> Sequence[Group]:
        """Return the groups that a group is directly in. Raises: NotFound."""

    async def groups_by_id(self, groups: Sequence[ObjectId]) -> Sequence[Group]:
        """Return those of the groups which the directory still has."""

    async def groups(self, search: str) -> Sequence[Group]:
        """Return up to 50 groups whose name begins with `search`, or the one group whose id it is."""

    async def token(self) -> TokenReport:
        """Return what a fresh, uncached token says. Raises: LoginRefused with the AADSTS number as code."""

    async def registration(self, client_id: str) -> Registration | None:
        """Return the app registration of an application, None if it is registered in another tenant."""

    async def assignments(self, client_id: str, next_link: str | None = None) -> AssignmentsPage:
        """Return a page of who is assigned to an enterprise application. Raises: NotFound (`application_not_found`)."""


class DirectoryFactory(Protocol):
    """Opens directories."""

    def open(self, credentials: Credentials) -> AbstractAsyncContextManager[Directory]:
        """Return a directory that lives as long as the context. Opening sends no request."""


class CertificateReader(Protocol):
    """Opens certificates that people paste or upload."""

    async def read(self, text: str, password: str) -> Certificate:
        """Return the certificate in PEM or in a PFX in base64.

        Raises: Rejected with code `certificate_unreadable`, `certificate_password` or `certificate_without_key`.
        """
