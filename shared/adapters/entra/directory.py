"""One customer's directory, read through Microsoft Graph."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Final

from msgspec import UNSET

from shared.adapters.entra import links
from shared.adapters.entra.client import GraphClient
from shared.adapters.entra.decoding import decoded
from shared.adapters.entra.errors import Refused, status_of
from shared.adapters.entra.existence_check import ExistenceCheck
from shared.adapters.entra.group_queries import LONGEST_NAME, GroupQueries
from shared.adapters.entra.prefetch import PagePrefetcher
from shared.adapters.entra.request_coalescer import RequestCoalescer
from shared.adapters.entra.schema import SELECT, AssignmentPage, GraphUser, IdPage, UserPage, roles_of
from shared.adapters.entra.user_mapping import ids_of, is_named, patch_of, user_of
from shared.adapters.entra.user_reads import users_by_id
from shared.domain.connections.entra import permissions
from shared.domain.connections.entra.guid import guid
from shared.domain.directory import (
    Assignment,
    AssignmentsPage,
    Capability,
    ChangesPage,
    DirectoryUser,
    Existence,
    Fields,
    Source,
    UsersPage,
)
from shared.domain.ids import ObjectId
from shared.errors import (
    ChangeFeedUnsupported,
    DeltaLinkExpired,
    NeedsAttention,
    NotFound,
    PageTokenExpired,
    Rejected,
    SyncError,
    Transient,
)
from shared.runtime.fair_scheduler import cpu_slice

_CAPABILITIES: Final = frozenset(Capability)
#: Statuses with which a tenant that has no delta queries answers the first one.
_NO_DELTA: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.NOT_IMPLEMENTED,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
#: Number of users that are converted in one slice of CPU time.
_SLICE: Final = 100
#: Maximum number of users that a search returns.
_FOUND_USERS: Final = 10
#: Kinds of assigned principals that stand for people; the others are applications.
_PEOPLE: Final = frozenset({"User", "Group"})
#: Graph's code for a missing permission.
_DENIED: Final = "Authorization_RequestDenied"


class GraphDirectory(GroupQueries):
    """`Directory` on a GraphClient and its coalescer, which directories with the same credentials share."""

    def __init__(self, client: GraphClient, coalescer: RequestCoalescer) -> None:
        super().__init__(client)
        self._coalescer = coalescer
        self._prefetcher = PagePrefetcher(client)

    async def close(self) -> None:
        """Cancel prefetched pages that were not read; the client stays open."""
        await self._prefetcher.close()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """All capabilities."""
        return _CAPABILITIES

    async def change_cursor(self) -> str:
        """Return a delta link without a listing. Raises ChangeFeedUnsupported."""
        page = await decoded(await self._first_delta(links.latest_delta(self._client.graph)), UserPage)
        if page.delta_link is None:
            raise Transient("Microsoft Graph gave no delta link; try again.", code="bad_answer")
        return links.checked(self._client.graph, page.delta_link)

    async def _first_delta(self, url: str) -> bytes | None:
        """Return the response to a first delta request. Raises ChangeFeedUnsupported if this tenant has no such query.

        External tenants and those of Azure AD B2C do not: 400, 404 and 504 were seen. A 504 is such an answer at every
        attempt of the client (`GRAPH_REQUEST`). The answer counts only if users can be listed.
        """
        try:
            return await self._client.get(url, priority=True)
        except SyncError as error:
            if status_of(error) not in _NO_DELTA:
                raise
            await self._client.get(links.path(self._client.graph, "users", {"$select": "id", "$top": "1"}))
            raise ChangeFeedUnsupported(
                f"Microsoft Graph refuses delta queries of users in this tenant ({status_of(error)}); list all users."
            ) from error

    async def users(self, source: Source, cursor: str | None = None, *, managers: bool = False) -> UsersPage:
        """Return the first page of the source's users, or the page at a nextLink."""
        if managers:
            return await self._with_managers(cursor)
        graph = self._client.graph
        url = links.checked(graph, cursor) if cursor else links.users(graph, source)
        try:
            content = await self._page(url, source, first=cursor is None)
        except Refused as error:
            if source.group is not None and error.code == _DENIED:
                raise await self._explained(source.group, error) from error
            raise
        page = await decoded(content, IdPage) if source.by_id else await decoded(content, UserPage)
        following = links.checked(graph, page.next_link) if page.next_link else None
        if source.group is not None and not page.value and cursor is None and await self._hides(source.group):
            raise _hidden()
        if isinstance(page, IdPage):
            async with cpu_slice():
                return UsersPage(users=ids_of(page.value), next_cursor=following)
        return await _users_page(page.value, source, following)

    async def _page(self, url: str, source: Source, *, first: bool) -> bytes | None:
        """Return a page. From the second on, pages are prefetched; the ids of a group seldom need more than one."""
        if source.by_id and first:
            return await self._coalescer.get(url)
        get = self._client.get if first else self._prefetcher.get
        return await get(url, eventual=source.group is not None, priority=source.group is None)

    async def _explained(self, group: ObjectId, refusal: Refused) -> SyncError:
        """Return why a group's members are refused, as far as the group itself shows it."""
        try:
            return _hidden() if await self._hides(group) else refusal
        except SyncError:
            return refusal

    async def _with_managers(self, cursor: str | None) -> UsersPage:
        """Return a page of all users with their managers, which only the first round of a delta query lists."""
        page = await self._changes_page(cursor, links.delta_with_managers(self._client.graph))
        return UsersPage(users=[], changes=page.changes, next_cursor=page.next_cursor, change_cursor=page.change_cursor)

    async def changes(self, cursor: str) -> ChangesPage:
        """Return one page of a delta query. Raises DeltaLinkExpired if the source must be read in full."""
        return await self._changes_page(cursor, "")

    async def _changes_page(self, cursor: str | None, first: str) -> ChangesPage:
        graph = self._client.graph
        answer = self._changes(links.checked(graph, cursor)) if cursor else self._first_delta(first)
        page = await decoded(await answer, UserPage)
        if (page.next_link is None) == (page.delta_link is None):
            raise Transient("Microsoft Graph gave neither a next nor a delta link, or both.", code="bad_answer")
        changes: list[tuple[ObjectId, Fields | None]] = []
        for users in _in_slices(page.value):
            async with cpu_slice():
                changes += [(user.id, patch_of(user) if user.removed is UNSET else None) for user in users]
        return ChangesPage(
            changes=changes,
            next_cursor=links.checked(graph, page.next_link) if page.next_link else None,
            change_cursor=links.checked(graph, page.delta_link) if page.delta_link else None,
        )

    async def _changes(self, link: str) -> bytes | None:
        """Return the response to a delta link. A link that Graph refuses has expired: it is the whole request."""
        try:
            return await self._prefetcher.get(link, priority=True)
        except Refused as error:
            if error.status != HTTPStatus.BAD_REQUEST:
                raise
            raise _delta_expired() from error
        except (NotFound, PageTokenExpired) as error:
            raise _delta_expired() from error

    async def check_existence(
        self, people: Sequence[ObjectId], groups: Sequence[Source]
    ) -> Mapping[ObjectId, Existence]:
        """Return whether each person exists in the whole directory, or in one of the `groups` if there are any."""
        return await ExistenceCheck(self._client).check(people, groups)

    async def lost_permissions(self, *, sso_users: bool, proven: Source | None) -> Mapping[str, str]:
        """Return the needed permissions that are not in the roles of the present token; none without a token."""
        roles = roles_of(self._client.credential.kept_token)
        return {} if roles is None else permissions.lost(roles, sso_users=sso_users, proven=proven)

    async def find_users(self, text: str) -> Sequence[DirectoryUser]:
        """Return up to ten users with this object id, user principal name or e-mail address, ignoring case."""
        quoted = text.strip()[:LONGEST_NAME].replace("'", "''")
        try:
            condition = f"id eq '{guid(text)}'"
        except Rejected:
            condition = f"userPrincipalName eq '{quoted}' or mail eq '{quoted}'"
        query = {"$select": SELECT, "$top": str(_FOUND_USERS), "$filter": condition}
        pages = await self._pages(links.path(self._client.graph, "users", query), UserPage, enough=_FOUND_USERS)
        return _once(pages)[:_FOUND_USERS]

    async def users_by_id(self, people: Sequence[ObjectId]) -> Mapping[ObjectId, DirectoryUser | None]:
        """Return the users with these ids, None for one who does not exist, and nothing without a clear answer."""
        return await users_by_id(self._client, people)

    async def assignments(self, application: str, cursor: str | None = None) -> AssignmentsPage:
        """Return a page of the assignments of an enterprise application. Raises NotFound (`application_not_found`)."""
        graph = self._client.graph
        route = f"servicePrincipals(appId='{guid(application)}')/appRoleAssignedTo"
        first = links.path(graph, route, {"$top": str(links.PAGE_USERS)})
        url = links.checked(graph, cursor) if cursor else first
        try:
            page = await decoded(await self._client.get(url), AssignmentPage)
        except NotFound as error:
            raise NotFound(
                "This tenant has no enterprise application with the sign-in application's id.",
                code="application_not_found",
            ) from error
        return AssignmentsPage(
            assignments=[
                Assignment(principal_id=_id(principal.principal_id), group=principal.principal_type == "Group")
                for principal in page.value
                if principal.principal_type in _PEOPLE
            ],
            next_cursor=links.checked(graph, page.next_link) if page.next_link else None,
        )


def _once(pages: Iterable[UserPage]) -> list[DirectoryUser]:
    """Return each user once: a page may repeat what a page before it had."""
    return list({user.id: user_of(user) for page in pages for user in page.value}.values())


def _in_slices(users: Sequence[GraphUser]) -> Iterator[Sequence[GraphUser]]:
    """Yield the users of a page in slices of CPU time: a directory decides how much each of them contains."""
    return (users[start : start + _SLICE] for start in range(0, len(users), _SLICE))


async def _users_page(users: Sequence[GraphUser], source: Source, following: str | None) -> UsersPage:
    """Return a page. A user without a name among others is left to be read by id.

    Raises NeedsAttention if all are without names, or members of a group are: Graph then withholds properties.
    """
    read: list[DirectoryUser] = []
    try:
        for part in _in_slices(users):
            async with cpu_slice():
                read += map(user_of, part)
        return UsersPage(users=read, next_cursor=following)
    except NeedsAttention:
        named = list(filter(is_named, users))
        if source.group is not None or not named:
            raise
    nameless: list[tuple[ObjectId, Fields | None]] = [(user.id, patch_of(user)) for user in users if not is_named(user)]
    return UsersPage(users=list(map(user_of, named)), changes=nameless, next_cursor=following)


def _hidden() -> NeedsAttention:
    return NeedsAttention(
        "The group hides its members: grant Member.Read.Hidden, or map another group.", code="hidden_membership"
    )


def _delta_expired() -> DeltaLinkExpired:
    return DeltaLinkExpired("Microsoft Graph no longer accepts the delta link; list in full.")


def _id(text: str) -> ObjectId:
    return ObjectId(text.lower())
