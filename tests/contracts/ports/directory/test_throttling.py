"""The adapter against a Graph that limits requests: what one is told, all obey."""

import asyncio

import pytest

from infra.local.entra.server import EntraSimulator
from infra.local.entra.state import throttle as simulated_throttle
from shared.adapters.entra import GraphDirectoryFactory, throttle
from shared.domain.directory import Existence, Source
from shared.domain.ids import ObjectId
from shared.errors import Transient
from shared.ports.directory import Directory
from shared.telemetry import count_requests
from tests.contracts.ports.directory.conftest import credentials
from tests.support.entra import Broken

USERS = r"^/users\?"
AT_ONCE = 12


async def test_no_request_is_sent_during_a_wait(contoso: Directory, simulator: Broken) -> None:
    """One is refused, the others wait as long, and all have their answers in the end."""
    await simulator.fault(USERS, {"type": "throttled", "retry_after_s": 1}, nth=2)
    await contoso.users(Source())
    pages = await asyncio.gather(*(contoso.users(Source()) for _ in range(AT_ONCE)))
    assert [len(page.users) for page in pages] == [100] * AT_ONCE
    counted = await simulator.call("GET", "/metrics")
    assert (counted["refused"], counted["sent_while_waiting"]) == (1, 0)


async def test_a_limit_that_is_used_up_is_not_run_into(
    contoso: Directory, simulator: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told of a limit that comes near, the adapter waits by itself for the window to end: no request is refused."""
    for module in (throttle, simulated_throttle):
        monkeypatch.setattr(module, "WINDOW_S", 2.0)
    await simulator.call("PATCH", "/settings", {"throttle_limit_units": 100})
    for _ in range(85):
        await contoso.users(Source())
    await asyncio.gather(*(contoso.users(Source()) for _ in range(25)))
    counted = await simulator.call("GET", "/metrics")
    assert (counted["refused"], counted["sent_while_waiting"], counted["resource_units"]) == (0, 0, 110)


async def test_a_long_wait_holds_for_all_requests(contoso: Directory, simulator: Broken) -> None:
    """Those who did not ask yet are told without a request; another customer is not concerned."""
    await simulator.fault(USERS, {"type": "throttled", "retry_after_s": 60})
    with pytest.raises(Transient):
        await contoso.users(Source())
    with count_requests() as counters:
        found = await asyncio.gather(*(contoso.users(Source()) for _ in range(AT_ONCE)), return_exceptions=True)
    told = [each for each in found if isinstance(each, Transient)]
    assert [each.code for each in told] == ["throttled"] * AT_ONCE
    assert all(each.retry_after_s and 50 < each.retry_after_s <= 60 for each in told)
    assert counters.directory_requests == 0
    counted = await simulator.call("GET", "/metrics")
    assert (counted["refused"], counted["sent_while_waiting"]) == (1, 0)


async def test_another_customer_does_not_wait(
    contoso: Directory, simulator: Broken, entra: EntraSimulator, factory: GraphDirectoryFactory
) -> None:
    """Limits are a customer's own."""
    await simulator.fault(USERS, {"type": "throttled", "retry_after_s": 60})
    with pytest.raises(Transient):
        await contoso.users(Source())
    async with factory.open(await credentials(entra, simulator, "fabrikam")) as fabrikam:
        assert len((await fabrikam.users(Source())).users) == 30


@pytest.mark.parametrize("told", [1, None])
async def test_refusals_within_a_batch(fabrikam: Directory, simulator: Broken, told: int | None) -> None:
    """Refused parts are asked again after the wait, which holds for all requests, and nothing is guessed."""
    people = [ObjectId(person) for person in await simulator.people("fabrikam", 30)]
    before = await fabrikam.check_existence(people, [])
    await simulator.call("DELETE", "/metrics")
    await simulator.fault("", {"type": "throttled", "retry_after_s": told}, in_batch=True, nth=4, count=3)
    assert await fabrikam.check_existence(people, []) == before
    assert Existence.UNKNOWN not in before.values()
    counted = await simulator.call("GET", "/metrics")
    assert (counted["refused"], counted["sent_while_waiting"]) == (3, 0)


async def test_a_batch_that_is_told_to_wait_for_long(fabrikam: Directory, simulator: Broken) -> None:
    """The check is for later, and so is whatever else is asked."""
    people = [ObjectId(person) for person in await simulator.people("fabrikam", 5)]
    await simulator.fault("", {"type": "throttled", "retry_after_s": 60}, in_batch=True)
    for asked in (fabrikam.check_existence(people, []), fabrikam.users(Source())):
        with pytest.raises(Transient) as refused:
            await asked
        assert refused.value.code == "throttled"
    assert (await simulator.call("GET", "/metrics"))["by_kind"]["POST /$batch"] == 1


async def test_a_listing_goes_on_after_a_wait(contoso: Directory, simulator: Broken, entra: EntraSimulator) -> None:
    """Told to wait for eleven seconds between two pages, another worker continues at the same cursor."""
    await simulator.call("PATCH", "/settings", {"page_size_max": 10})
    await simulator.fault(USERS, {"type": "throttled", "retry_after_s": 11}, nth=5)
    cursor, listed = await _listed(contoso, None)
    assert len(listed) == 40
    with pytest.raises(Transient) as waiting:
        await contoso.users(Source(), cursor)
    assert 10 < (waiting.value.retry_after_s or 0) <= 11
    other = GraphDirectoryFactory(own_hosts=frozenset({"127.0.0.1"}))
    async with other.open(await credentials(entra, simulator, "contoso")) as elsewhere:
        _, rest = await _listed(elsewhere, cursor)
    await other.close()
    assert len({*listed, *rest}) == len(listed) + len(rest) == 100


async def _listed(directory: Directory, cursor: str | None) -> tuple[str | None, list[ObjectId]]:
    """Read pages to the last one, or until told to wait; return the cursor of the next page and the users."""
    listed: list[ObjectId] = []
    while not listed or cursor is not None:
        try:
            page = await directory.users(Source(), cursor)
        except Transient:
            break
        listed += [user.id for user in page.users]
        cursor = page.next_cursor
    return cursor, listed
