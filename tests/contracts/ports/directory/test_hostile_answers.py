"""Answers that no simulator of Graph would give, through the real SDK and real TLS."""

import gzip
import json

import pytest
from aiohttp import web

from shared.adapters.network.bounded_body import MAX_BODY_BYTES
from shared.domain.directory import Existence, Source
from shared.errors import Conflict, DeltaLinkExpired, NeedsAttention, RequestRefused, SyncError, Transient
from shared.ports.directory import Directory
from shared.telemetry import count_requests
from tests.contracts.ports.directory.scripted import Answer, ScriptedGraph, said
from tests.support.builders import person

GROUP = Source(group=person(900))
USER = {"id": person(1), "userPrincipalName": "ada@example.com"}
PAGE = said(json.dumps({"value": [USER]}))
THROTTLED = '{"error":{"code":"TooManyRequests"}}'
FAR = "https://graph.example.net/v1.0/users"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 206, 203, 304])
async def test_the_body_of_a_detour_is_no_answer(directory: Directory, graph: ScriptedGraph, status: int) -> None:
    """The SDK takes a redirect's body for the answer, and an empty page in it for the end of the listing."""
    body = "" if status == 304 else '{"value":[]}'
    graph.graph = [said(body, status, Location=FAR)]
    with pytest.raises(Transient) as refused:
        await directory.users(Source())
    assert refused.value.code == "bad_answer"
    assert len(graph.asked) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (said('{"value":[],"error":{"code":"UnknownError"}}'), Transient, "bad_answer"),
        (said('{"value":[],"@odata.nextLink":""}'), Transient, "bad_answer"),
        (said('{"value":[],"@odata.nextLink":"https://[x"}'), Conflict, "foreign_link"),
        (said(json.dumps({"value": [], "@odata.nextLink": FAR})), Conflict, "foreign_link"),
        (said("<html>", 404, "text/html"), Transient, "bad_answer"),
        (said("<html>", 502, "text/html"), Transient, "graph_failing"),
        (said("<html>", 403, "text/html"), RequestRefused, "403"),
        (said('{"error":{"code":"Conflict"}}', 409), RequestRefused, "Conflict"),
        (said('{"error":{"code":"notAllowed"}}', 423), RequestRefused, "notAllowed"),
        (said("", 424), RequestRefused, "424"),
        (said('{"error":"no object"}', 403), NeedsAttention, "403"),
        (said(json.dumps({"error": {"code": "x" * 5000}}), 403), NeedsAttention, "403"),
        (said(json.dumps({"error": {"code": "a\nb=c"}}), 403), NeedsAttention, "403"),
        (said(json.dumps({"value": [USER, {"id": person(2), "userPrincipalName": None}]})), NeedsAttention, None),
    ],
)
async def test_a_hostile_page(
    directory: Directory, graph: ScriptedGraph, answer: Answer, kind: type[SyncError], code: str | None
) -> None:
    """Every one of them is an error, and nobody else is asked."""
    graph.graph = [answer]
    with pytest.raises(kind) as refused:
        await directory.users(GROUP)
    assert refused.value.code == (code or "users_unreadable")
    assert len(graph.asked) == 1


def inflating(size: int, encoding: str) -> Answer:
    """An answer that is compressed."""

    def answer(_: web.Request) -> web.Response:
        packed = gzip.compress(b'{"value":[' + b" " * size + b"]}", 1)
        return web.Response(body=packed, content_type="application/json", headers={"Content-Encoding": encoding})

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        inflating(MAX_BODY_BYTES, "gzip"),
        inflating(6 * MAX_BODY_BYTES, "gzip"),
        inflating(10, "gzip, gzip"),
        inflating(10, "br"),
        said('{"value":[' + " " * MAX_BODY_BYTES + "]}"),
    ],
    ids=["a little too large", "much too large", "compressed twice", "another compression", "not compressed"],
)
async def test_a_body_has_a_largest_size(directory: Directory, graph: ScriptedGraph, answer: Answer) -> None:
    """Also after inflating, which stops there."""
    graph.graph = [answer]
    with pytest.raises(Transient) as refused:
        await directory.users(Source())
    assert refused.value.code == "graph_unreachable"
    graph.graph = [inflating(MAX_BODY_BYTES - 1_000, "gzip")]
    assert (await directory.users(Source())).users == []


@pytest.mark.parametrize("refusal", [said("{}", 400), said('{"responses":[')])
async def test_one_part_that_spoils_its_batch(directory: Directory, graph: ScriptedGraph, refusal: Answer) -> None:
    """It is isolated, and all other people are checked."""
    people = [person(number) for number in range(20)]

    async def answer(request: web.Request) -> web.StreamResponse:
        parts = (await request.json())["requests"]
        if any(people[13] in part["url"] for part in parts):
            return refusal(request)
        gone = {"error": {"code": "Request_ResourceNotFound"}}
        return web.json_response({"responses": [{"id": part["id"], "status": 404, "body": gone} for part in parts]})

    graph.graph = [answer]
    existence = await directory.check_existence(people, [])
    assert existence == {**dict.fromkeys(people, Existence.NOT_FOUND), people[13]: Existence.UNKNOWN}


@pytest.mark.parametrize("id_", ["9" * 5_000, "\u0660", "-1", "", "00", "20"])
async def test_an_answer_to_no_request_of_its_batch_is_ignored(
    directory: Directory, graph: ScriptedGraph, id_: str
) -> None:
    """Any id, also one of more digits than Python converts."""
    people = [person(number) for number in range(3)]

    async def answer(request: web.Request) -> web.StreamResponse:
        gone = {"error": {"code": "Request_ResourceNotFound"}}
        ids = [*(part["id"] for part in (await request.json())["requests"]), id_]
        return web.json_response({"responses": [{"id": each, "status": 404, "body": gone} for each in ids]})

    graph.graph = [answer]
    assert await directory.check_existence(people, []) == dict.fromkeys(people, Existence.NOT_FOUND)


async def test_a_link_that_leads_elsewhere_is_not_even_asked(directory: Directory, graph: ScriptedGraph) -> None:
    """Checked before a token or a request goes anywhere, for pages and for changes."""
    for link in (FAR, graph.url.replace("https", "http") + "/v1.0/users", f"{graph.url}/beta/users"):
        for asking in (directory.users(Source(), link), directory.changes(link)):
            with pytest.raises(Conflict):
                await asking
    assert (graph.asked, graph.logins) == ([], 0)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "Request_BadRequest"),
        (400, "Directory_ExpiredPageToken"),
        (404, "Request_ResourceNotFound"),
        (400, "syncStateInvalid"),
    ],
)
async def test_a_delta_link_that_graph_does_not_take(
    directory: Directory, graph: ScriptedGraph, status: int, code: str
) -> None:
    """The link is the whole request, so whatever is wrong with it, a full listing helps."""
    graph.graph = [said(json.dumps({"error": {"code": code}}), status)]
    with pytest.raises(DeltaLinkExpired):
        await directory.changes(f"{graph.url}/v1.0/users/delta?$deltatoken=x")


async def test_a_refused_delta_does_not_ask_for_a_full_listing(directory: Directory, graph: ScriptedGraph) -> None:
    """A permission that was taken away is no reason to list everybody."""
    graph.graph = [said('{"error":{"code":"Authorization_RequestDenied"}}', 403)]
    with pytest.raises(NeedsAttention):
        await directory.changes(f"{graph.url}/v1.0/users/delta?$deltatoken=x")


@pytest.mark.parametrize("links", [{}, {"@odata.nextLink": "N", "@odata.deltaLink": "D"}])
async def test_a_page_of_changes_leads_on_or_ends(
    directory: Directory, graph: ScriptedGraph, links: dict[str, str]
) -> None:
    """Neither link, or both, is no page of changes."""
    delta = f"{graph.url}/v1.0/users/delta?$deltatoken=x"
    graph.graph = [said(json.dumps({"value": [], **dict.fromkeys(links, delta)}))]
    with pytest.raises(Transient):
        await directory.changes(delta)


async def test_whatever_is_marked_removed_is_removed(directory: Directory, graph: ScriptedGraph) -> None:
    """With a reason or without one."""
    delta = f"{graph.url}/v1.0/users/delta?$deltatoken=x"
    gone = [{"id": person(1), "@removed": {"reason": "deleted"}}, {"id": person(2).upper(), "@removed": {}}]
    graph.graph = [said(json.dumps({"value": gone, "@odata.deltaLink": delta}))]
    page = await directory.changes(delta)
    assert page.changes == [(person(1), None), (person(2), None)]


async def test_headers_of_a_request(directory: Directory, graph: ScriptedGraph) -> None:
    """Low priority always, eventual consistency for groups, on next pages too."""
    link = f"{graph.url}/v1.0/groups/x/members?$skiptoken=y"
    graph.graph = [PAGE]
    for source, following in ((Source(), None), (GROUP, None), (GROUP, link)):
        await directory.users(source, following)
    assert [request.headers["x-ms-throttle-priority"] for request in graph.asked] == ["low"] * 3
    assert [request.headers.get("ConsistencyLevel") for request in graph.asked] == [None, "eventual", "eventual"]
    assert str(graph.asked[2].url) == link


async def test_short_waits_are_slept_and_every_try_counted(directory: Directory, graph: ScriptedGraph) -> None:
    """One second of `Retry-After`, then the page: two requests."""
    graph.graph = [said(THROTTLED, 429, Retry_After="1"), PAGE]
    with count_requests() as counters:
        assert len((await directory.users(Source())).users) == 1
    assert counters.directory_requests == len(graph.asked) == 2


@pytest.mark.parametrize("status", [429, 503])
async def test_long_waits_are_the_queues(directory: Directory, graph: ScriptedGraph, status: int) -> None:
    """Eleven seconds are not slept in a paid worker."""
    graph.graph = [said(THROTTLED, status, Retry_After="11")]
    with pytest.raises(Transient) as refused:
        await directory.users(Source())
    assert (refused.value.retry_after_s, len(graph.asked)) == (11.0, 1)


async def test_a_search_cannot_leave_its_quotes(directory: Directory, graph: ScriptedGraph) -> None:
    """Quotes, ampersands and hashes are part of the name that is looked for."""
    await directory.find_groups("x') or startswith(displayName,'&$top=1#é")
    (request,) = graph.asked
    assert request.query["$filter"] == "startswith(displayName,'x'') or startswith(displayName,''&$top=1#é')"
    assert request.query["$top"] == "50"


async def test_pages_of_a_query_without_end(directory: Directory, graph: ScriptedGraph) -> None:
    """A search is given up after twenty pages, and what was read is not taken for the answer."""
    page = {"value": [], "@odata.nextLink": f"{graph.url}/v1.0/again"}
    graph.graph = [said(json.dumps(page))]
    for reading in (directory.find_groups("x"), directory.find_users("x"), directory.groups_by_id([person(1)])):
        graph.asked.clear()
        with pytest.raises(Conflict) as refused:
            await reading
        assert (refused.value.code, len(graph.asked)) == ("link_loop", 20)
