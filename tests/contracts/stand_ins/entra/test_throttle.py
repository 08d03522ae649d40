"""Throttling by resource units."""

import pytest

from infra.local.entra.state.throttle import limit_units
from infra.local.entra.state.waits import Waits
from tests.contracts.stand_ins.entra.talking import Talk


@pytest.mark.parametrize(
    ("users", "units"), [(1, 3_500), (49, 3_500), (50, 5_000), (500, 5_000), (501, 8_000), (1_000_000, 8_000)]
)
def test_limits_by_size(users: int, units: int) -> None:
    """The limit depends on the size of the tenant."""
    assert limit_units(users) == units


async def test_units(talk: Talk) -> None:
    """Each call has its documented price; `$select` and a `$top` under 20 make it cheaper by one each."""
    await talk.admin("POST /directories/fabrikam/roles", {"grant": ["Application.Read.All"]})
    known = await talk.directory()
    group, user = known["groups"][0]["id"], (await talk.graph("GET /users?$select=id&$top=1")).ids[0]
    await talk.token()
    prices = {
        "/users": 2,
        "/users?$select=id": 1,
        "/users?$top=19": 1,
        "/users?$top=20": 2,
        "/users?$select=id&$top=5": 1,
        "/users?$expand=manager($select=id)": 3,
        "/users/delta": 1,
        f"/users/{user}": 1,
        "/groups": 1,
        f"/groups/{group}": 1,
        "/groups/delta": 1,
        f"/groups/{group}/members?$select=id&$top=5": 1,
        "/applications": 2,
        f"/applications/{known['application_object_id']}": 1,
        "/servicePrincipals": 1,
        f"/servicePrincipals/{known['object_id']}/appRoleAssignments": 2,
        f"/servicePrincipals/{known['object_id']}/appRoleAssignedTo": 1,
        f"/groups/{group}/members": 3,
        f"/groups/{group}/members?$select=id": 2,
        f"/groups/{group}/transitiveMembers": 5,
        f"/groups/{group}/transitiveMembers?$select=id": 4,
    }
    charged = {path: (await talk.graph(f"GET {path}")).headers["x-ms-resource-unit"] for path in prices}
    assert charged == {path: str(units) for path, units in prices.items()}
    member = await talk.graph(f"GET /users/{user}/memberOf/microsoft.graph.group?$count=true", eventual=True)
    assert member.headers["x-ms-resource-unit"] == "2"
    for path, units in (("", "5"), ("?$select=id", "2")):
        found = await talk.graph(f"POST /directoryObjects/getByIds{path}", json={"ids": [user]})
        assert found.headers["x-ms-resource-unit"] == units


async def test_too_many_requests(talk: Talk) -> None:
    """From 80 % on the share is told; beyond the limit comes 429 with Retry-After, for this tenant alone."""
    await talk.admin("PATCH /settings", {"throttle_limit_units": 10})
    replies = [await talk.graph("GET /users?$top=20") for _ in range(11)]
    assert [reply.status for reply in replies] == [200] * 5 + [429] * 6
    shares = [reply.headers.get("x-ms-throttle-limit-percentage") for reply in replies]
    assert shares == [None, None, None, "0.80", "1.00", "1.20", "1.40", "1.60", "1.80", "1.80", "1.80"]
    assert replies[5].code == "TooManyRequests"
    known = await talk.directory()
    scope = f"Tenant_Application/ReadWrite/{known['application_id']}/{known['azure_tenant_id']}"
    assert [reply.headers.get("x-ms-throttle-scope") for reply in replies] == [None] * 5 + [scope] * 6
    assert replies[5].headers["x-ms-throttle-information"] == "ResourceUnitLimitExceeded"
    assert 1 <= int(replies[5].headers["Retry-After"]) <= 10
    assert (await talk.graph("GET /users?$top=1", "contoso")).status == 200
    await talk.admin("PATCH /settings", {"throttling": False})
    assert (await talk.graph("GET /users?$top=1")).status == 200


async def test_a_new_window(talk: Talk) -> None:
    """After ten seconds of the simulator's clock requests are answered again."""
    await talk.admin("PATCH /settings", {"throttle_limit_units": 1})
    assert [(await talk.graph("GET /users?$top=1")).status for _ in range(2)] == [200, 429]
    await talk.admin("POST /clock", {"advance_s": 10})
    assert (await talk.graph("GET /users?$top=1")).status == 200


async def test_refused_requests_cost_nothing(talk: Talk) -> None:
    """What was granted and what was refused is counted apart, in a batch too."""
    await talk.admin("PATCH /settings", {"throttle_limit_units": 4})
    requests = [{"id": str(number), "method": "GET", "url": "/users"} for number in range(3)]
    assert (await talk.graph("POST /$batch", json={"requests": requests})).status == 200
    counted = await talk.admin("GET /metrics")
    assert (counted["resource_units"], counted["refused"]) == (4, 1)


async def test_requests_sent_while_told_to_wait(talk: Talk) -> None:
    """They are counted, parts of a batch and the batch itself too; not so those of others, and none when it is over."""

    async def counted() -> int:
        number: int = (await talk.admin("GET /metrics"))["sent_while_waiting"]
        return number

    await talk.admin("POST /faults", {"action": {"type": "throttled", "retry_after_s": 30}})
    assert (await talk.graph("GET /users")).status == 429
    assert await counted() == 0
    await talk.admin("POST /clock", {"advance_s": 1})
    await talk.graph("GET /users")
    await talk.graph("GET /users", "contoso")
    assert await counted() == 1
    requests = [{"id": str(number), "method": "GET", "url": "/users?$top=1"} for number in range(2)]
    await talk.graph("POST /$batch", json={"requests": requests})
    assert await counted() == 4
    await talk.admin("POST /clock", {"advance_s": 30})
    await talk.graph("GET /users")
    assert await counted() == 4


async def test_a_part_of_a_batch_tells_everybody_to_wait(talk: Talk) -> None:
    """Its neighbours came with it, so they were on their way; the next request was not."""
    fault = {"in_batch": True, "action": {"type": "throttled", "retry_after_s": 30}}
    await talk.admin("POST /faults", fault)
    requests = [{"id": str(number), "method": "GET", "url": "/users?$top=1"} for number in range(3)]
    await talk.graph("POST /$batch", json={"requests": requests})
    assert (await talk.admin("GET /metrics"))["sent_while_waiting"] == 0
    await talk.admin("POST /clock", {"advance_s": 1})
    await talk.graph("GET /users")
    assert (await talk.admin("GET /metrics"))["sent_while_waiting"] == 1


def test_what_was_on_its_way_does_not_count() -> None:
    """Requests before the refusal do not count, nor those so soon after it that the client cannot have read it."""
    waits = Waits()
    waits.note("tenant", "app", now_s=100, wait_s=5)
    waits.note("tenant", "app", now_s=101, wait_s=7)
    came = (99.9, 100.0, 100.1, 100.9, 101.1, 107.9, 108.1)
    ignored = [waits.ignored("tenant", "app", came_s=each) for each in came]
    assert ignored == [False, False, False, True, True, True, False]
    assert not waits.ignored("tenant", "another app", came_s=103)


async def test_small_pages(talk: Talk) -> None:
    """Pages can be held smaller than what is asked for."""
    await talk.admin("PATCH /settings", {"page_size_max": 7})
    pages = await talk.pages("/users?$select=id&$top=999")
    assert [len(page.ids) for page in pages] == [7, 7, 7, 7, 2]
