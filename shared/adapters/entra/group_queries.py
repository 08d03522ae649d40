"""Queries of the group picker: groups by id, by name, and those that contain a user or a group."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

from shared.adapters.entra import links
from shared.adapters.entra.client import GraphClient
from shared.adapters.entra.decoding import decoded
from shared.adapters.entra.schema import GraphGroup, GroupPage, UserPage
from shared.domain.connections.entra.guid import guid, is_guid
from shared.domain.directory import Group
from shared.domain.ids import ObjectId
from shared.errors import Conflict, NotFound, Rejected

_GROUP_SELECT: Final = "id,displayName,mail,visibility"
#: Maximum number of groups that a search returns.
_FOUND_GROUPS: Final = 50
#: Maximum number of values of an `in` filter. Source: https://learn.microsoft.com/graph/filter-query-parameter
_IDS: Final = 15
#: Maximum number of pages of a search, of groups by id, or of the groups of one object; a longer answer is a loop.
_MAX_PAGES: Final = 20
_HIDDEN: Final = "HiddenMembership"
#: Maximum length of a group's displayName, in characters.
#: Source: https://learn.microsoft.com/graph/api/resources/group#properties
LONGEST_NAME: Final = 256

P = TypeVar("P", GroupPage, UserPage)


class GroupQueries:
    """The part of `Directory` that finds groups."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    async def groups_by_id(self, groups: Sequence[ObjectId]) -> Sequence[Group]:
        """Return the groups with these ids, without those that do not exist."""
        urls = _by_id(self._client.graph, groups)
        found = await asyncio.gather(*(self._pages(url, GroupPage) for url in urls))
        return _once(group for pages in found for page in pages for group in page.value)

    async def groups_of_user(self, person: ObjectId) -> Sequence[Group]:
        """Return the groups of which a user is a direct member. Raises NotFound if the user does not exist."""
        return await self._containing(f"users/{guid(person)}")

    async def groups_of_group(self, group: ObjectId) -> Sequence[Group]:
        """Return the groups of which a group is a direct member. Raises NotFound if the group does not exist."""
        return await self._containing(f"groups/{links.group_id(group)}")

    async def _containing(self, member: str) -> Sequence[Group]:
        """Return the groups of which an object is a direct member, without roles and administrative units.

        Source: https://learn.microsoft.com/graph/api/user-list-memberof (the cast requires `$count` and its header)
        """
        query = {"$select": _GROUP_SELECT, "$top": str(links.PAGE_USERS), "$count": "true"}
        link = links.path(self._client.graph, f"{member}/memberOf/microsoft.graph.group", query)
        pages = await self._pages(link, GroupPage, eventual=True)
        return _once(group for page in pages for group in page.value)

    async def _pages(self, link: str, kind: type[P], *, eventual: bool = False, enough: int | None = None) -> list[P]:
        """Return the pages from `link` on, to the last one or until they contain `enough` objects.

        A page may have fewer objects than were asked for, or none, although others follow.

        Raises:
            Conflict: There are more pages than any answer has (`link_loop`).
        """
        pages: list[P] = []
        for _ in range(_MAX_PAGES):
            page = await decoded(await self._client.get(link, eventual=eventual), kind)
            pages.append(page)
            if page.next_link is None or (enough is not None and sum(len(read.value) for read in pages) >= enough):
                return pages
            link = links.checked(self._client.graph, page.next_link)
        raise Conflict(f"Microsoft Graph returned more than {_MAX_PAGES} pages for one query.", code="link_loop")

    async def find_groups(self, search: str) -> Sequence[Group]:
        """Return up to 50 groups whose name begins with `search`, or the group with this id."""
        try:
            return await self._group(guid(search))
        except Rejected:
            pass
        query = {"$select": _GROUP_SELECT, "$top": str(_FOUND_GROUPS)}
        if beginning := search.strip()[:LONGEST_NAME]:
            quoted = beginning.replace("'", "''")
            query["$filter"] = f"startswith(displayName,'{quoted}')"
        url = links.path(self._client.graph, "groups", query)
        pages = await self._pages(url, GroupPage, enough=_FOUND_GROUPS)
        return _once(group for page in pages for group in page.value)[:_FOUND_GROUPS]

    async def _group(self, group: ObjectId) -> Sequence[Group]:
        url = links.path(self._client.graph, f"groups/{group}", {"$select": _GROUP_SELECT})
        try:
            return [_group_of(await decoded(await self._client.get(url), GraphGroup))]
        except NotFound:
            return []

    async def _hides(self, group: ObjectId) -> bool:
        """Return whether a group hides its members from apps without a special permission."""
        url = links.path(self._client.graph, f"groups/{links.group_id(group)}", {"$select": _GROUP_SELECT})
        return (await decoded(await self._client.get(url), GraphGroup)).visibility == _HIDDEN


def _by_id(graph: str, groups: Sequence[ObjectId]) -> Iterator[str]:
    """Iterate over the URLs that read groups by id. Text that is not a GUID cannot be an id and is left out."""
    possible = list(filter(is_guid, groups))
    for start in range(0, len(possible), _IDS):
        quoted = ",".join(f"'{id_}'" for id_ in possible[start : start + _IDS])
        query = {"$select": _GROUP_SELECT, "$top": str(_IDS), "$filter": f"id in ({quoted})"}
        yield links.path(graph, "groups", query)


def _once(groups: Iterable[GraphGroup]) -> list[Group]:
    """Return each group once: a page may repeat what a page before it had."""
    return list({group.id: group for group in map(_group_of, groups)}.values())


def _group_of(group: GraphGroup) -> Group:
    return Group(
        id=ObjectId(group.id.lower()),
        display_name=group.display_name or "",
        mail=group.mail,
        hidden_membership=group.visibility == _HIDDEN,
    )
