"""Many groups, read concurrently, and listings of many pages: the members and errors of sequential requests."""

import asyncio
from typing import Any

import pytest

from shared.adapters.entra.json_batch import MOST
from shared.domain.directory import Source
from shared.domain.ids import ObjectId
from shared.errors import NotFound, PageTokenExpired, SyncError
from shared.ports.directory import Directory
from shared.telemetry import count_requests
from tests.contracts.ports.directory.conftest import all_users
from tests.support.entra import Broken

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK warns of its own base classes

NO_GROUP = ObjectId("00000000-0000-4000-8000-000000000000")
GROUPS = 40


async def members(directory: Directory, groups: list[str]) -> list[set[str] | SyncError]:
    """Read who is in each, all at once; what is raised stands in its place."""
    sources = [Source(group=ObjectId(group), by_id=True) for group in groups]
    found: list[set[str] | SyncError] = []
    for each in await asyncio.gather(*(all_users(directory, source) for source in sources), return_exceptions=True):
        if isinstance(each, BaseException):
            assert isinstance(each, SyncError), each
            found.append(each)
        else:
            found.append(set(each))
    return found


async def truth(simulator: Broken, groups: list[str]) -> list[set[str]]:
    """Return who is in each."""
    return [set(await simulator.members("fabrikam", group, transitive=True)) for group in groups]


async def test_many_groups_are_few_requests(fabrikam: Directory, simulator: Broken) -> None:
    """Twenty share a batch. There is one more request, which asks whether the empty group hides its members."""
    groups = list(await simulator.groups("fabrikam"))
    assert len(groups) == GROUPS
    with count_requests() as counters:
        assert await members(fabrikam, groups) == await truth(simulator, groups)
    assert counters.directory_requests == GROUPS // MOST + 1
    assert (await simulator.call("GET", "/metrics"))["by_kind"]["POST /$batch"] == GROUPS // MOST


@pytest.mark.parametrize(
    ("action", "times"),
    [
        ({"type": "throttled", "retry_after_s": 1}, 3),
        ({"type": "throttled"}, 3),
        ({"type": "respond", "status": 503, "body": {}}, 5),
        ({"type": "respond", "status": 504, "body": {}}, 1),
    ],
)
async def test_requests_that_fail_temporarily(
    fabrikam: Directory, simulator: Broken, action: dict[str, Any], times: int
) -> None:
    """They are sent again as single requests, and no member is missing.

    On a busy machine, requests that were on their way arrive during the wait: test_throttling counts those sent in it.
    """
    groups = list(await simulator.groups("fabrikam"))
    expected = await truth(simulator, groups)
    await simulator.fault("/members|/transitiveMembers", action, in_batch=True, nth=4, count=times)
    assert await members(fabrikam, groups) == expected
    counted = await simulator.call("GET", "/metrics")
    assert counted["by_kind"]["GET /groups/{group}/transitiveMembers/{cast}"] == GROUPS + times


async def test_a_batch_that_fails(fabrikam: Directory, simulator: Broken) -> None:
    """All of its groups are read by single requests."""
    groups = list(await simulator.groups("fabrikam"))
    expected = await truth(simulator, groups)
    await simulator.fault(r"^/\$batch", {"type": "respond", "status": 400, "body": {}}, count=0)
    assert await members(fabrikam, groups) == expected


async def test_a_group_that_is_gone_is_no_empty_one(fabrikam: Directory, simulator: Broken) -> None:
    """Its own error, and the members of all others."""
    groups = [*list(await simulator.groups("fabrikam"))[:3], NO_GROUP]
    found = await members(fabrikam, groups)
    assert found[:3] == await truth(simulator, groups[:3])
    assert isinstance(found[3], NotFound)
    assert found[3].code == "group_not_found"


async def test_groups_of_several_pages(fabrikam: Directory, simulator: Broken) -> None:
    """The pages of a group follow one another."""
    groups = list(await simulator.groups("fabrikam"))
    expected = await truth(simulator, groups)
    await simulator.call("PATCH", "/settings", {"page_size_max": 2})
    assert await members(fabrikam, groups) == expected


async def test_a_prefetched_page_that_expired(contoso: Directory, simulator: Broken) -> None:
    """Its error comes when it is wanted; a new listing finds all users."""
    await simulator.call("PATCH", "/settings", {"page_size_max": 20})
    fault = {"type": "respond", "status": 400, "body": {"error": {"code": "Directory_ExpiredPageToken"}}}
    await simulator.fault(r"^/users\?.*skiptoken", fault, nth=3)
    with pytest.raises(PageTokenExpired):
        await all_users(contoso, Source())
    assert len(await all_users(contoso, Source())) == 100


async def test_every_page_is_asked_for_once(contoso: Directory, simulator: Broken) -> None:
    """Prefetched or not."""
    await simulator.call("PATCH", "/settings", {"page_size_max": 10})
    assert len(await all_users(contoso, Source())) == 100
    assert (await simulator.call("GET", "/metrics"))["by_kind"]["GET /users"] == 10


async def test_reading_a_single_page_prefetches_nothing(contoso: Directory, simulator: Broken) -> None:
    """As a check of the credentials does."""
    await simulator.call("PATCH", "/settings", {"page_size_max": 10})
    assert (await contoso.users(Source())).next_cursor is not None
    assert (await simulator.call("GET", "/metrics"))["by_kind"]["GET /users"] == 1
