"""Whatever Graph answers, a partial read never passes for a complete one."""

from typing import Any

import msgspec
import pytest

from infra.local.demo.simulator import Simulator
from shared.adapters.entra import throttle
from shared.adapters.entra.sessions import EntraSession
from shared.domain.directory import Source
from shared.domain.ids import ObjectId
from shared.domain.retry_policy import GRAPH_THROTTLE
from shared.errors import Conflict, NeedsAttention, NotFound, PageTokenExpired, SyncError, Transient
from tests.contracts.ports.directory.conftest import all_users
from tests.support.entra import Broken

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK warns of its own base classes

USERS = r"^/users\?"


@pytest.mark.parametrize(
    ("action", "error", "code"),
    [
        ({"type": "html"}, Transient, "bad_answer"),
        ({"type": "truncate"}, Transient, None),
        ({"type": "reset"}, Transient, "graph_unreachable"),
        ({"type": "error_in_ok"}, Transient, "bad_answer"),
        ({"type": "no_value"}, Transient, "bad_answer"),
        ({"type": "foreign_next_link"}, Conflict, "foreign_link"),
        (
            {"type": "respond", "status": 200, "body": {"value": [], "@odata.nextLink": "http://127.0.0.1/v1.0/users"}},
            Conflict,
            "foreign_link",
        ),
        ({"type": "respond", "status": 200, "body": None}, Transient, "bad_answer"),
        ({"type": "respond", "status": 204, "body": None}, Transient, "bad_answer"),
        ({"type": "respond", "status": 500, "body": {}}, Transient, "graph_failing"),
        (
            {"type": "respond", "status": 302, "body": {}, "headers": {"Location": "https://127.0.0.1:1/x"}},
            Transient,
            "bad_answer",
        ),
        (
            {
                "type": "respond",
                "status": 400,
                "body": {"error": {"code": "Directory_ExpiredPageToken", "message": "expired"}},
            },
            PageTokenExpired,
            "page_expired",
        ),
        (
            {
                "type": "respond",
                "status": 403,
                "body": {"error": {"code": "Authorization_RequestDenied", "message": "no"}},
            },
            NeedsAttention,
            "Authorization_RequestDenied",
        ),
    ],
    ids=lambda value: value["type"] + str(value.get("status", "")) if isinstance(value, dict) else None,
)
async def test_a_broken_page_is_an_error(
    contoso: EntraSession, simulator: Broken, action: dict[str, Any], error: type[SyncError], code: str | None
) -> None:
    """Each kind of broken answer is raised as what the caller must do."""
    await simulator.fault(USERS, action)
    with pytest.raises(error) as raised:
        await contoso.users(Source())
    assert code is None or raised.value.code == code


async def test_an_empty_page_with_a_next_link_is_not_the_last(contoso: EntraSession, simulator: Broken) -> None:
    """Legal in Graph, and the end of the listing for the SDK's own iterator."""
    await simulator.fault(USERS, {"type": "empty_page"})
    first = await contoso.users(Source())
    assert first.users == []
    assert first.next_cursor is not None
    assert len(await all_users(contoso, Source())) == 100


async def test_throttling_is_handed_to_the_queue(contoso: EntraSession, simulator: Broken) -> None:
    """A long wait is told, not slept."""
    await simulator.fault(USERS, {"type": "throttled", "retry_after_s": 300})
    with pytest.raises(Transient) as raised:
        await contoso.users(Source())
    assert (raised.value.code, raised.value.retry_after_s) == ("throttled", 300.0)


async def test_throttling_without_a_time_is_handed_to_the_queue(
    contoso: EntraSession, simulator: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few quick tries, then a message that is put back, not one that has failed."""
    monkeypatch.setattr(throttle, "GRAPH_THROTTLE", msgspec.structs.replace(GRAPH_THROTTLE, first_wait_s=0.01))
    await simulator.fault(USERS, {"type": "throttled", "retry_after_s": None}, count=0)
    with pytest.raises(Transient) as raised:
        await contoso.users(Source())
    assert raised.value.code == "throttled"
    assert raised.value.retry_after_s is not None


async def test_a_short_wait_is_slept(contoso: EntraSession, simulator: Broken) -> None:
    """One second of `Retry-After` is obeyed within the request."""
    await simulator.fault(USERS, {"type": "throttled", "retry_after_s": 1})
    assert len((await contoso.users(Source())).users) == 100


async def test_members_without_properties_are_unreadable_not_nameless(
    fabrikam: EntraSession, simulator: Simulator
) -> None:
    """A permission that was taken away comes as a 200 with nulls: an error, never people without names."""
    sizes = {group: len(await simulator.members("fabrikam", group)) for group in await simulator.groups("fabrikam")}
    group = max(sizes, key=lambda each: sizes[each])
    await simulator.call("POST", "/directories/fabrikam/roles", {"revoke": ["User.Read.All"]})
    await simulator.call("POST", "/tokens/revoke")
    await fabrikam.token()
    with pytest.raises(NeedsAttention) as raised:
        await fabrikam.users(Source(group=ObjectId(group)))
    assert raised.value.code == "users_unreadable"


async def test_a_hidden_membership_is_unreadable_not_empty(fabrikam: EntraSession, simulator: Simulator) -> None:
    """However Graph hides it, by 403 or by an empty list."""
    people = await simulator.people("fabrikam", 3)
    body = {"displayName": "Hidden", "visibility": "HiddenMembership", "members": people}
    group = (await simulator.call("POST", "/directories/fabrikam/groups", body))["id"]
    settings = await simulator.call("GET", "/settings")
    assert "hidden_membership" in settings
    for hiding in ("forbidden", "empty"):
        await simulator.call("PATCH", "/settings", {"hidden_membership": hiding})
        with pytest.raises(NeedsAttention):
            await fabrikam.users(Source(group=ObjectId(group)))


async def test_a_missing_group_is_said_to_be_missing(fabrikam: EntraSession) -> None:
    """404, for the workflow to judge."""
    with pytest.raises(NotFound) as raised:
        await fabrikam.users(Source(group=ObjectId("00000000-0000-4000-8000-000000000000")))
    assert raised.value.code == "group_not_found"
