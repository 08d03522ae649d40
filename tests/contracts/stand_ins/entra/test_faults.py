"""Faults on request: which request they meet, and what it then sees."""

import aiohttp
import pytest

from tests.contracts.stand_ins.entra.talking import Json, Talk

PAGES = "/users?$select=id&$top=10"
NEXT = "@odata.nextLink"


async def arm(talk: Talk, action: Json, **wish: object) -> None:
    """The second page of users goes wrong."""
    await talk.admin("POST /faults", {"path": r"^/users\?.*skiptoken", "action": action} | wish)


async def second_page(talk: Talk) -> tuple[str, Json]:
    """Its address, and what comes from there."""
    link = (await talk.graph(f"GET {PAGES}")).body[NEXT]
    reply = await talk.graph(f"GET {link}")
    assert reply.status == 200
    return link, reply.body


async def test_status(talk: Talk) -> None:
    """Any status, body and headers can be had."""
    action = {"type": "respond", "status": 503, "body": {"error": {"code": "x"}}, "headers": {"Retry-After": "3"}}
    await arm(talk, action)
    link = (await talk.graph(f"GET {PAGES}")).body[NEXT]
    reply = await talk.graph(f"GET {link}")
    assert (reply.status, reply.code, reply.headers["Retry-After"]) == (503, "x", "3")
    assert (await talk.graph(f"GET {link}")).status == 200


async def test_nth_and_count(talk: Talk) -> None:
    """A fault applies from the nth matching request of one directory on, `count` times in a row."""
    wish = {"path": "^/users", "nth": 2, "count": 2, "directory": "fabrikam", "action": {"type": "throttled"}}
    await talk.admin("POST /faults", wish)
    assert [(await talk.graph("GET /users")).status for _ in range(4)] == [200, 429, 429, 200]
    assert [(await talk.graph("GET /users", "contoso")).status for _ in range(3)] == [200, 200, 200]
    (armed,) = (await talk.admin("GET /faults"))["faults"]
    assert (armed["matched"], armed["fired"]) == (4, 2)


async def test_throttled(talk: Talk) -> None:
    """429 comes with or without Retry-After."""
    await talk.admin("POST /faults", {"action": {"type": "throttled", "retry_after_s": None}})
    await talk.admin("POST /faults", {"nth": 2, "action": {"type": "throttled", "retry_after_s": 200}})
    assert "Retry-After" not in (await talk.graph("GET /users")).headers
    assert (await talk.graph("GET /users")).headers["Retry-After"] == "200"


@pytest.mark.parametrize("kind", ["reset", "truncate"])
async def test_broken_bodies(talk: Talk, kind: str) -> None:
    """A body breaks off: the connection with it, or only the JSON."""
    await arm(talk, {"type": kind})
    link = (await talk.graph(f"GET {PAGES}")).body[NEXT]
    with pytest.raises((aiohttp.ClientPayloadError, ValueError)):
        await talk.graph(f"GET {link}")
    assert (await talk.graph(f"GET {link}")).status == 200


async def test_delay(talk: Talk) -> None:
    """An answer comes late."""
    await arm(talk, {"type": "delay", "seconds": 5})
    link = (await talk.graph(f"GET {PAGES}")).body[NEXT]
    with pytest.raises(TimeoutError):
        await talk.graph(f"GET {link}", timeout=aiohttp.ClientTimeout(total=0.1))


async def test_html(talk: Talk) -> None:
    """A proxy's page comes instead of JSON."""
    await arm(talk, {"type": "html"})
    _, body = await second_page(talk)
    assert body["text"].startswith("<html>")


async def test_error_in_ok(talk: Talk) -> None:
    """200 comes with an error in it."""
    await arm(talk, {"type": "error_in_ok"})
    assert list((await second_page(talk))[1]) == ["error"]


async def test_no_value(talk: Talk) -> None:
    """A page comes without `value`."""
    await arm(talk, {"type": "no_value"})
    _, body = await second_page(talk)
    assert ("value" in body, NEXT in body) == (False, True)


async def test_links(talk: Talk) -> None:
    """A nextLink leads in a circle, to another host, or to http."""
    await arm(talk, {"type": "repeat_next_link"})
    link, body = await second_page(talk)
    assert body[NEXT] == link
    await arm(talk, {"type": "foreign_next_link"})
    assert (await second_page(talk))[1][NEXT].startswith("https://graph.example.net/")
    await arm(talk, {"type": "plain_next_link"})
    assert (await second_page(talk))[1][NEXT].startswith("http://127.0.0.1:")


async def test_items(talk: Talk) -> None:
    """An item is duplicated or missing."""
    await arm(talk, {"type": "duplicate_item"})
    _, body = await second_page(talk)
    ids = [item["id"] for item in body["value"]]
    assert (len(ids), ids[0]) == (11, ids[-1])
    await arm(talk, {"type": "drop_item"})
    assert [item["id"] for item in (await second_page(talk))[1]["value"]] == ids[:9]


@pytest.mark.parametrize("path", [r"^/users\?.*skiptoken", r"^/users\?"])
async def test_empty_page(talk: Talk, path: str) -> None:
    """An empty page comes with a nextLink, and behind it everything that was left."""
    whole = await talk.ids(PAGES)
    await arm(talk, {"type": "empty_page"}, path=path)
    pages = await talk.pages(PAGES)
    assert [] in [page.ids for page in pages]
    assert [key for page in pages for key in page.ids] == whole


async def test_disarm(talk: Talk) -> None:
    """A fault can be taken back, one or all."""
    one = await talk.admin("POST /faults", {"count": 0, "action": {"type": "throttled"}})
    assert (await talk.graph("GET /users")).status == 429
    await talk.admin(f"DELETE /faults/{one['id']}")
    assert (await talk.graph("GET /users")).status == 200
    await arm(talk, {"type": "html"}, path="")
    await talk.admin("DELETE /faults")
    assert "value" in (await talk.graph("GET /users")).body


async def test_login_faults(talk: Talk) -> None:
    """The login service can fail in ways that have no number."""
    await talk.admin("POST /faults", {"where": "login", "action": {"type": "respond", "status": 500}})
    known = await talk.directory()
    form = {"client_id": known["application_id"], "client_secret": known["client_secret"]}
    assert (await talk.ask_token(known["azure_tenant_id"], **form)).status == 500
    assert (await talk.ask_token(known["azure_tenant_id"], **form)).status == 200


async def test_inside_or_outside_of_batches(talk: Talk) -> None:
    """A fault can be meant for parts of batches alone, or for all else."""
    await talk.admin("POST /faults", {"in_batch": True, "count": 0, "action": {"type": "throttled"}})
    await talk.admin("POST /faults", {"in_batch": False, "path": "^/users", "count": 0, "action": {"type": "html"}})
    assert "text" in (await talk.graph("GET /users")).body
    requests = [{"id": "1", "method": "GET", "url": "/users?$top=1"}]
    reply = await talk.graph("POST /$batch", json={"requests": requests})
    assert [response["status"] for response in reply.body["responses"]] == [429]
