"""Throttling by resource units."""

import pytest

from infra.local.entra.throttle import limit_units
from tests.contracts.entra.talking import Talk


@pytest.mark.parametrize(
    ("users", "units"), [(1, 3_500), (49, 3_500), (50, 5_000), (500, 5_000), (501, 8_000), (1_000_000, 8_000)]
)
def test_limits_by_size(users: int, units: int) -> None:
    """The limit depends on the size of the tenant."""
    assert limit_units(users) == units


async def test_units(talk: Talk) -> None:
    """Each call has its price; `$select` makes it cheaper by one."""
    group = (await talk.directory())["groups"][0]["id"]
    prices = {
        "/users": 2,
        "/users?$select=id": 1,
        f"/groups/{group}/members": 3,
        f"/groups/{group}/members?$select=id": 2,
        f"/groups/{group}/transitiveMembers": 5,
        f"/groups/{group}/transitiveMembers?$select=id": 4,
    }
    for path, units in prices.items():
        assert (await talk.graph(f"GET {path}")).headers["x-ms-resource-unit"] == str(units)


async def test_too_many_requests(talk: Talk) -> None:
    """From 80 % on the share is told; beyond the limit comes 429 with Retry-After, for this tenant alone."""
    await talk.admin("PATCH /settings", {"throttle_limit_units": 10})
    replies = [await talk.graph("GET /users?$top=1") for _ in range(6)]
    assert [reply.status for reply in replies] == [200, 200, 200, 200, 200, 429]
    shares = [reply.headers.get("x-ms-throttle-limit-percentage") for reply in replies]
    assert shares == [None, None, None, "0.80", "1.00", "1.20"]
    assert replies[5].code == "TooManyRequests"
    assert 1 <= int(replies[5].headers["Retry-After"]) <= 10
    assert (await talk.graph("GET /users?$top=1", "contoso")).status == 200
    await talk.admin("PATCH /settings", {"throttling": False})
    assert (await talk.graph("GET /users?$top=1")).status == 200


async def test_a_new_window(talk: Talk) -> None:
    """After ten seconds of the simulator's clock requests are answered again."""
    await talk.admin("PATCH /settings", {"throttle_limit_units": 2})
    assert [(await talk.graph("GET /users?$top=1")).status for _ in range(2)] == [200, 429]
    await talk.admin("POST /clock", {"advance_s": 10})
    assert (await talk.graph("GET /users?$top=1")).status == 200
