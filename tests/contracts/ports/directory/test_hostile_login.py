"""Answers of the login service that no honest one would give: none is believed, and none fills the memory."""

import gzip
import zlib

import pytest
from aiohttp import web

from shared.adapters.entra import credential as adapter
from shared.adapters.network.bounded_response import MAX_ANSWER_BYTES
from shared.domain.directory import Source
from shared.domain.retry_policy import Retry
from shared.errors import SyncError, Transient
from shared.ports.directory import Directory
from tests.contracts.ports.directory.scripted import Answer, ScriptedGraph, said, token

TOKEN = b'{"token_type":"Bearer","expires_in":3599,"access_token":"%b"}'


@pytest.fixture
def graph(graph: ScriptedGraph, monkeypatch: pytest.MonkeyPatch) -> ScriptedGraph:
    """The server, whose login service is not asked again."""
    monkeypatch.setattr(adapter, "LOGIN_REQUEST", Retry(error="", stage="", outcome=""))
    return graph


def packed(content: bytes, encoding: str, body: bytes | None = None) -> Answer:
    """An answer that is compressed."""
    compressed = zlib.compress(content, 1) if encoding == "deflate" else gzip.compress(content, 1)
    return lambda _: web.Response(
        body=compressed if body is None else body,
        content_type="application/json",
        headers={"Content-Encoding": encoding},
    )


@pytest.mark.parametrize(
    "answer",
    [
        packed(TOKEN % (b"x" * MAX_ANSWER_BYTES), "gzip"),
        packed(TOKEN % (b"x" * 200 * MAX_ANSWER_BYTES), "gzip"),
        packed(TOKEN % (b"x" * MAX_ANSWER_BYTES), "deflate"),
        packed(TOKEN % b"x", "gzip", b"\x1f\x8b no gzip"),
        packed(TOKEN % b"x", "gzip", gzip.compress(TOKEN % b"x")[:-30]),
        said((TOKEN % (b"x" * MAX_ANSWER_BYTES)).decode()),
    ],
    ids=["a little too large", "much too large", "deflated", "damaged", "cut", "not compressed"],
)
async def test_a_token_answer_has_a_largest_size(directory: Directory, graph: ScriptedGraph, answer: Answer) -> None:
    """Also after inflating, which stops there; Graph is not asked, and a good answer works afterwards."""
    graph.login = [answer]
    with pytest.raises(Transient) as refused:
        await directory.users(Source())
    assert (refused.value.code, graph.asked) == ("login_unreachable", [])
    graph.login = [packed(TOKEN % b"x" + b" " * (MAX_ANSWER_BYTES - 1_000), "gzip"), token]
    assert (await directory.users(Source())).users == []


@pytest.mark.parametrize("status", [200, 400, 401])
@pytest.mark.parametrize(
    "body",
    [
        *("", "null", "[]", "5", '"x"', "{}", "{", "\ufeff{}", "[" * 100_000, '{"a":' * 100_000),
        *('{"access_token":5,"expires_in":3599}', '{"access_token":"x"}', '{"access_token":null,"expires_in":1}'),
        *('{"access_token":"x","expires_in":"abc"}', '{"access_token":"x","expires_in":1e999}'),
        *('{"access_token":"x","expires_in":[]}', '{"access_token":"x","expires_in":' + "9" * 5_000 + "}"),
        *('{"access_token":"x\\r\\nHost: a","expires_in":3599}', '{"access_token":"\\ud800","expires_in":3599}'),
        *('{"error":5}', '{"error":{"a":[]}}', '{"error":"x","error_description":[]}', '{"error":"\\u0000"}'),
        '{"error":"invalid_client","error_description":"' + "x" * 100_000 + '"}',
    ],
    ids=lambda body: body[:40] if isinstance(body, str) else body,
)
async def test_an_answer_without_a_usable_token(
    directory: Directory, graph: ScriptedGraph, body: str, status: int
) -> None:
    """It is an error of the login service, whatever else it is."""
    graph.login = [said(body, status)]
    with pytest.raises(SyncError):
        await directory.users(Source())
    assert graph.asked == []
