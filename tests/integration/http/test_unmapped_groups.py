"""Groups that are refused for a week, through HTTP: shown, previewed, and unmapped in one request."""

from typing import Any

import pytest

from shared.bootstrap import App, Ports
from shared.domain.directory import Source
from shared.domain.ids import ObjectId
from shared.domain.unread_source import UNMAPPED_AFTER
from shared.errors import NeedsAttention
from tests.support.builders import person, user
from tests.support.fakes import FakeClock, FakeDirectory, FakeJobQueue
from tests.support.http.calling import Client
from tests.support.world import deliver

pytestmark = pytest.mark.usefixtures("connected")
RUNS, UNMAPPED = "tenants/contoso/runs", "tenants/contoso/unmapped-groups"
STAFF, TEMPS = (ObjectId(f"00000000-0000-4000-a000-{number:012d}") for number in range(2))


async def _done(api: Client, product: App, ports: Ports, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Start a run with a POST, do its jobs, and return it."""
    started = await api("POST", path, body)
    assert started.status == 202, started
    queue = ports.queue
    assert isinstance(queue, FakeJobQueue)
    while queue.messages:
        await deliver(product, queue.messages.pop(0))
    found: dict[str, Any] = (await api("GET", f"{RUNS}/{started.body['id']}")).body
    return found


async def _shown(api: Client) -> tuple[bool, bool]:
    """Return whether the group is shown as refused, and as one that can be unmapped."""
    (place,) = (await api("GET", "tenants/contoso/mapping")).body["locations"]
    (temps,) = [group for group in place["groups"] if group["id"] == TEMPS]
    return temps["refusedSince"] is not None, temps["canBeUnmapped"]


async def test_unmapping_a_group(api: Client, product: App, ports: Ports, directory: FakeDirectory) -> None:
    """Refused for less than a week it answers 422; then a preview and the sync itself, which is held."""
    directory.put(*(user(number) for number in range(1, 31)))
    directory.members = {STAFF: [person(number) for number in range(1, 6)]}
    directory.members[TEMPS] = [person(number) for number in range(6, 31)]
    await api("PUT", "tenants/contoso/locations/desk/groups", {"groups": [STAFF, TEMPS]})
    await _done(api, product, ports, RUNS, {})
    directory.broken[Source(group=TEMPS).id] = (0, NeedsAttention("no", code="Authorization_RequestDenied"))
    await _done(api, product, ports, RUNS, {})
    assert await _shown(api) == (True, False)
    early = await api("POST", UNMAPPED, {"group": TEMPS, "preview": False})
    assert (early.status, early.body["code"]) == (422, "group_not_refused")
    assert isinstance(ports.clock, FakeClock)
    ports.clock.advance(UNMAPPED_AFTER.total_seconds())
    assert await _shown(api) == (True, True)
    unknown = await api("POST", UNMAPPED, {"group": person(99), "preview": True})
    assert (unknown.status, unknown.body["code"]) == (404, "group_not_mapped")
    incomplete = await api("POST", UNMAPPED, {"group": TEMPS})
    assert incomplete.status == 400
    preview = await _done(api, product, ports, UNMAPPED, {"group": TEMPS, "preview": True})
    assert (preview["state"], preview["preview"], preview["counts"]["deactivated"]) == ("done", True, 25)
    run = await _done(api, product, ports, UNMAPPED, {"group": TEMPS, "preview": False})
    assert (run["state"], run["locations"]["desk"]["held"]) == ("held", 25)
    (place,) = (await api("GET", "tenants/contoso/mapping")).body["locations"]
    assert [group["id"] for group in place["groups"]] == [STAFF]
