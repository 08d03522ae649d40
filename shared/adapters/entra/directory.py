"""One customer's directory, read through Microsoft Graph."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Final

from msgspec import UNSET

from shared.adapters.entra import links
from shared.adapters.entra.client import GraphClient
from shared.adapters.entra.errors import Refused, translated
from shared.adapters.entra.existence_check import ExistenceCheck
from shared.adapters.entra.prefetch import PagePrefetcher
from shared.adapters.entra.request_coalescer import Together
from shared.adapters.entra.schema import (
    SELECT,
    AssignmentPage,
    GraphApplication,
    GraphGroup,
    GroupPage,
    IdPage,
    UserPage,
    decode,
)
from shared.adapters.entra.user_mapping import ids_of, patch_of, user_of, users_of
from shared.domain.connections.credential_expiry import ClientKey, Registration
from shared.domain.connections.entra.guid import guid, is_guid
from shared.domain.connections.entra.token_identity import TokenReport
from shared.domain.directory import (
    Assignment,
    AssignmentsPage,
    DeltaPage,
    DirectoryUser,
    Existence,
    Group,
    Source,
    UsersPage,
)
from shared.domain.ids import ObjectId
from shared.errors import DeltaLinkExpired, NeedsAttention, NotFound, PageTokenExpired, Rejected, SyncError, Transient
from shared.runtime.fair_scheduler import turn

_GROUP_SELECT: Final = "id,displayName,mail,visibility"
_FOUND_GROUPS: Final = 50
_FOUND_USERS: Final = 10
#: Values of an `in` filter. Source: https://learn.microsoft.com/graph/filter-query-parameter
_IDS: Final = 15
#: Pages of groups that one object is in; a listing that goes on is a loop.
_MAX_PARENT_PAGES: Final = 20
#: Longest displayName of a group, in characters.
#: Source: https://learn.microsoft.com/graph/api/resources/group#properties
_LONGEST_NAME: Final = 256
#: What of those who are assigned to an application are people; the rest are other applications.
_PEOPLE: Final = frozenset({"User", "Group"})
#: Graph's own code for what an application may not do.
_DENIED: Final = "Authorization_RequestDenied"
_HIDDEN: Final = "HiddenMembership"


class GraphDirectory:
    """`Directory` over one GraphClient, and the coalescer of all directories that share it."""

    def __init__(self, client: GraphClient, coalescer: Together) -> None:
        self._client = client
        self._coalescer = coalescer
        self._prefetcher = PagePrefetcher(client)

    async def close(self) -> None:
        """Cancel prefetched pages that were not read; the client stays open."""
        await self._prefetcher.close()

    async def latest_delta_link(self) -> str:
        """Return a link that leads to whatever changes about users from now on, without listing any."""
        page = decode(await self._client.get(links.latest_delta(self._client.graph), priority=True), UserPage)
        if page.delta_link is None:
            raise Transient("Microsoft Graph gave no delta link; try again.", code="bad_answer")
        return links.checked(self._client.graph, page.delta_link)

    def everybody_with_managers(self) -> str:
        """Return the link to the first page of everybody, with whom they report to."""
        return links.delta_with_managers(self._client.graph)

    async def users(self, source: Source, next_link: str | None = None) -> UsersPage:
        """Return the first page of the source's users, or the one that `next_link` names."""
        graph = self._client.graph
        url = links.checked(graph, next_link) if next_link else links.users(graph, source)
        try:
            content = await self._page(url, source, first=next_link is None)
        except Refused as error:
            if source.group is not None and error.code == _DENIED:
                raise await self._explained(source.group, error) from error
            raise
        async with turn():
            page = decode(content, IdPage) if source.by_id else decode(content, UserPage)
        following = links.checked(graph, page.next_link) if page.next_link else None
        if source.group is not None and not page.value and next_link is None and await self._hides(source.group):
            raise _hidden()
        async with turn():
            users = users_of(page.value, content or b"") if isinstance(page, UserPage) else ids_of(page.value)
        return UsersPage(users=users, next_link=following)

    async def _page(self, url: str, source: Source, *, first: bool) -> bytes | None:
        """Return a page. Who asks for the second one reads on; of a group's ids there is hardly more than the first."""
        if source.by_id and first:
            return await self._coalescer.get(url, eventual=True)
        get = self._client.get if first else self._prefetcher.get
        return await get(url, eventual=source.group is not None, priority=source.group is None)

    async def _hides(self, group: ObjectId) -> bool:
        """Tell whether a group shows its members only to whom it is allowed."""
        url = links.path(self._client.graph, f"groups/{links.group_id(group)}", {"$select": _GROUP_SELECT})
        return decode(await self._client.get(url), GraphGroup).visibility == _HIDDEN

    async def _explained(self, group: ObjectId, refusal: Refused) -> SyncError:
        """Return why a group's members are refused, as far as the group itself says so."""
        try:
            return _hidden() if await self._hides(group) else refusal
        except SyncError:
            return refusal

    async def changed_users(self, link: str) -> DeltaPage:
        """Return one page of changes. Raises: DeltaLinkExpired when only a full listing helps."""
        graph = self._client.graph
        page = decode(await self._changes(links.checked(graph, link)), UserPage)
        if (page.next_link is None) == (page.delta_link is None):
            raise Transient("Microsoft Graph gave neither a next nor a delta link, or both.", code="bad_answer")
        return DeltaPage(
            changes=[(each.id, patch_of(each) if each.removed is UNSET else None) for each in page.value],
            next_link=links.checked(graph, page.next_link) if page.next_link else None,
            delta_link=links.checked(graph, page.delta_link) if page.delta_link else None,
        )

    async def _changes(self, link: str) -> bytes | None:
        """Return the answer to a link that holds the whole request: what Graph has against it, only a new one cures."""
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

    async def find_users(self, text: str) -> Sequence[DirectoryUser]:
        """Return the users, up to ten, with this object id, user principal name or e-mail address, in any case."""
        quoted = text.strip()[:_LONGEST_NAME].replace("'", "''")
        try:
            condition = f"id eq '{guid(text)}'"
        except Rejected:
            condition = f"userPrincipalName eq '{quoted}' or mail eq '{quoted}'"
        query = {"$select": SELECT, "$top": str(_FOUND_USERS), "$filter": condition}
        page = decode(await self._client.get(links.path(self._client.graph, "users", query)), UserPage)
        return [user_of(each) for each in page.value]

    async def users_by_id(self, people: Sequence[ObjectId]) -> Sequence[DirectoryUser]:
        """Return those of the users whom the directory still has."""
        pages = [decode(await self._client.get(url), UserPage) for url in self._by_id("users", SELECT, people)]
        return [user_of(each) for page in pages for each in page.value]

    def _by_id(self, kind: str, select: str, ids: Sequence[ObjectId]) -> Iterator[str]:
        """Iterate over the addresses of those of some objects that are there; text that cannot be an id names none."""
        possible = list(filter(is_guid, ids))
        for start in range(0, len(possible), _IDS):
            some = ",".join(f"'{each}'" for each in possible[start : start + _IDS])
            query = {"$select": select, "$top": str(_IDS), "$filter": f"id in ({some})"}
            yield links.path(self._client.graph, kind, query)

    async def groups_by_id(self, groups: Sequence[ObjectId]) -> Sequence[Group]:
        """Return those of the groups which the directory still has."""
        urls = list(self._by_id("groups", _GROUP_SELECT, groups))
        answers = await self._coalescer.get_all(urls)
        return [_group_of(each) for content in answers for each in decode(content, GroupPage).value]

    async def groups_of_user(self, person: ObjectId) -> Sequence[Group]:
        """Return the groups that a user is directly in. Raises: NotFound."""
        return await self._containing(f"users/{guid(person)}")

    async def groups_of_group(self, group: ObjectId) -> Sequence[Group]:
        """Return the groups that a group is directly in. Raises: NotFound."""
        return await self._containing(f"groups/{links.group_id(group)}")

    async def _containing(self, member: str) -> Sequence[Group]:
        """Return the groups that an object is directly in, roles and administrative units left out.

        Source: https://learn.microsoft.com/graph/api/user-list-memberof (the cast wants `$count` and its header)
        """
        query = {"$select": _GROUP_SELECT, "$top": str(links.PAGE_USERS), "$count": "true"}
        graph = self._client.graph
        link = links.path(graph, f"{member}/memberOf/microsoft.graph.group", query)
        found: list[Group] = []
        for _ in range(_MAX_PARENT_PAGES):
            page = decode(await self._client.get(link, eventual=True), GroupPage)
            found += [_group_of(each) for each in page.value]
            if page.next_link is None:
                break
            link = links.checked(graph, page.next_link)
        return found

    async def groups(self, search: str) -> Sequence[Group]:
        """Return up to 50 groups whose name begins with `search`, or the one group whose id it is."""
        try:
            return await self._group(guid(search))
        except Rejected:
            pass
        query = {"$select": _GROUP_SELECT, "$top": str(_FOUND_GROUPS)}
        if beginning := search.strip()[:_LONGEST_NAME]:
            quoted = beginning.replace("'", "''")
            query["$filter"] = f"startswith(displayName,'{quoted}')"
        content = await self._client.get(links.path(self._client.graph, "groups", query))
        return [_group_of(each) for each in decode(content, GroupPage).value]

    async def _group(self, group: ObjectId) -> Sequence[Group]:
        url = links.path(self._client.graph, f"groups/{group}", {"$select": _GROUP_SELECT})
        try:
            return [_group_of(decode(await self._client.get(url), GraphGroup))]
        except NotFound:
            return []

    async def registration(self, client_id: str) -> Registration | None:
        """Return the app registration of an application, None if it is registered in another tenant."""
        route = f"applications(appId='{guid(client_id)}')"
        url = links.path(self._client.graph, route, {"$select": "id,passwordCredentials"})
        try:
            found = decode(await self._client.get(url), GraphApplication)
        except NotFound:
            return None
        keys = [(each.hint, each.end_date_time) for each in found.password_credentials]
        return Registration(
            object_id=_id(found.id),
            keys=tuple(ClientKey(hint=hint, ends=ends) for hint, ends in keys if hint and ends),
        )

    async def assignments(self, client_id: str, next_link: str | None = None) -> AssignmentsPage:
        """Return a page of who is assigned to an enterprise application. Raises: NotFound (`application_not_found`)."""
        graph = self._client.graph
        route = f"servicePrincipals(appId='{guid(client_id)}')/appRoleAssignedTo"
        first = links.path(graph, route, {"$top": str(links.PAGE_USERS)})
        url = links.checked(graph, next_link) if next_link else first
        try:
            page = decode(await self._client.get(url), AssignmentPage)
        except NotFound as error:
            raise NotFound(
                "This tenant has no enterprise application with the sign-in application's id.",
                code="application_not_found",
            ) from error
        return AssignmentsPage(
            assignments=[
                Assignment(principal_id=_id(each.principal_id), group=each.principal_type == "Group")
                for each in page.value
                if each.principal_type in _PEOPLE
            ],
            next_link=links.checked(graph, page.next_link) if page.next_link else None,
        )

    async def token(self) -> TokenReport:
        """Return what a fresh, uncached token says; later requests use that token.

        The token is read, not trusted: nothing is authorised by what it says, Graph itself decides.
        """
        import jwt  # noqa: PLC0415 - no run needs it

        with translated():
            await self._client.credential.renew()
            token = await self._client.credential.get_token(self._client.scope)
        try:
            claims = jwt.decode(token.token, options={"verify_signature": False})
        except jwt.PyJWTError as error:
            raise Transient(
                "The login service gave a token that cannot be read; try again.", code="bad_answer"
            ) from error
        return TokenReport(
            azure_tenant_id=str(claims.get("tid", "")),
            client_id=str(claims.get("appid") or claims.get("azp") or ""),
            object_id=str(claims.get("oid", "")),
            roles=frozenset(map(str, claims.get("roles") or ())),
        )


def _hidden() -> NeedsAttention:
    return NeedsAttention(
        "The group hides its members: grant Member.Read.Hidden, or map another group.", code="hidden_membership"
    )


def _delta_expired() -> DeltaLinkExpired:
    return DeltaLinkExpired("Microsoft Graph no longer accepts the delta link; list in full.")


def _id(text: str) -> ObjectId:
    return ObjectId(text.lower())


def _group_of(found: GraphGroup) -> Group:
    return Group(
        id=_id(found.id),
        display_name=found.display_name or "",
        mail=found.mail,
        hidden_membership=found.visibility == _HIDDEN,
    )
