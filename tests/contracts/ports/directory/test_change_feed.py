"""Tenants without delta queries, as Graph answers for them."""

import pytest

from shared.adapters.entra.sessions import EntraSession
from shared.domain.directory import Source
from shared.errors import ChangeFeedUnsupported, DeltaLinkExpired, NeedsAttention, Transient
from tests.support.entra import Broken

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK warns of its own base classes
DELTA, USERS = "^/users/delta", r"^/users\?"


async def refuse(simulator: Broken, path: str, status: int, code: str = "") -> None:
    """Let Graph answer with this status to all requests of a path."""
    body = {"error": {"code": code, "message": "no"}} if code else "no"
    action = {"type": "respond", "status": status, "body": body}
    await simulator.fault(path, action | ({} if code else {"content_type": "text/plain"}), count=0)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "Request_BadRequest"),
        (404, "Request_ResourceNotFound"),
        (404, ""),
        (405, "Request_BadRequest"),
        (501, "NotImplemented"),
        (504, "UnknownError"),
    ],
)
async def test_a_refused_feed_is_unsupported(contoso: EntraSession, simulator: Broken, status: int, code: str) -> None:
    """Not a missing group and not a failure, because users can be listed; with managers too."""
    await refuse(simulator, DELTA, status, code)
    with pytest.raises(ChangeFeedUnsupported) as refused:
        await contoso.change_cursor()
    assert refused.value.code == "delta_unsupported"
    with pytest.raises(ChangeFeedUnsupported):
        await contoso.users(Source(), managers=True)
    assert (await contoso.users(Source())).users


@pytest.mark.parametrize("status", [400, 404, 504])
async def test_while_users_cannot_be_listed_nothing_is_concluded(
    contoso: EntraSession, simulator: Broken, status: int
) -> None:
    """The failure is that of the listing."""
    await refuse(simulator, DELTA, status, "UnknownError")
    await refuse(simulator, USERS, 503, "UnknownError")
    with pytest.raises(Transient):
        await contoso.change_cursor()


async def test_one_timeout_is_not_a_refusal(contoso: EntraSession, simulator: Broken) -> None:
    """Three in a row are; the client asks three times."""
    action = {"type": "respond", "status": 504, "body": {"error": {"code": "UnknownError"}}}
    await simulator.fault(DELTA, action, count=2)
    assert await contoso.change_cursor()
    await simulator.fault(DELTA, action, count=3)
    with pytest.raises(ChangeFeedUnsupported):
        await contoso.change_cursor()


@pytest.mark.parametrize(("status", "kind"), [(403, NeedsAttention), (500, Transient), (503, Transient)])
async def test_other_answers_stay_what_they_are(
    contoso: EntraSession, simulator: Broken, status: int, kind: type[Exception]
) -> None:
    """A missing permission, and failures that pass."""
    await refuse(simulator, DELTA, status, "UnknownError")
    with pytest.raises(kind):
        await contoso.change_cursor()


async def test_a_later_link_that_is_refused_has_expired(contoso: EntraSession, simulator: Broken) -> None:
    """Only the first request of a round tells whether there is a feed."""
    link = await contoso.change_cursor()
    await refuse(simulator, DELTA, 400, "Request_BadRequest")
    with pytest.raises(DeltaLinkExpired):
        await contoso.changes(link)
