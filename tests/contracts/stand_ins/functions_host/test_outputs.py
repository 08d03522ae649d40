"""What functions set becomes the messages the Functions host would send."""

import base64
import json

import pytest

from infra.local.functions_host import worker
from infra.local.functions_host.outputs import messages_of
from infra.local.functions_host.polling import QueueListener
from tests.contracts.stand_ins.functions_host.running import KEY, Queues, StartHost, until

TEXTS = [
    ("plain", ["plain"]),
    ('{"a":1,"b":[]}', ['{\n  "a": 1,\n  "b": []\n}']),
    ('["x",{"y":true},null,false,7]', ["x", '{\n  "y": true\n}', "", "False", "7"]),
    ("7", ["7"]),
    (' {"ü":"ß"} ', ['{\n  "ü": "ß"\n}']),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_text_that_looks_like_json_is_rewritten(text: str, expected: list[str]) -> None:
    """Objects are indented, arrays become messages, other text stays."""
    assert [body.decode() for body in messages_of(worker.text(text))] == expected


def test_bytes_and_lists_stay() -> None:
    """The exact text survives as bytes and as an element of a list."""
    exact = '{"a":1}'
    assert messages_of(worker.binary(exact.encode())) == [exact.encode()]
    assert messages_of(worker.json(json.dumps([exact, "b"]))) == [exact.encode(), b"b"]


def test_text_that_only_looks_like_json_fails() -> None:
    """Braces around something else are an error, as in Azure."""
    with pytest.raises(ValueError, match="Expecting"):
        messages_of(worker.text("{not json}"))


SOURCE = """
@app.route(methods=["POST"])
@app.queue_output(arg_name="text", queue_name="%OUT%", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="data", queue_name="%OUT%", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="many", queue_name="%OUT%", connection="AzureWebJobsStorage")
async def send(req: func.HttpRequest, text: func.Out[str], data: func.Out[bytes], many: func.Out[List[str]]) -> str:
    text.set("plain")
    data.set(b'{"exact":1}')
    many.set(['{"x":2}', "y"])
    return "ok"
"""


@pytest.mark.parametrize("encoding", ["none", "base64"])
async def test_outputs_are_sent(start_host: StartHost, queues: Queues, encoding: str) -> None:
    """Every kind of output arrives in the encoding of host.json, in a queue that was missing."""
    host = await start_host(SOURCE, queues={"messageEncoding": encoding}, environ={"OUT": queues.name("out")})
    assert await host.post("/api/send") == (200, "ok")
    texts = await queues.texts("out")
    if encoding == "base64":
        texts = [base64.b64decode(text).decode() for text in texts]
    assert sorted(texts) == ["plain", "y", '{"exact":1}', '{"x":2}']


async def test_failing_output_fails_the_invocation(start_host: StartHost, queues: Queues) -> None:
    """A value that cannot be sent is a failed invocation, though the function returned."""
    host = await start_host("""
@app.route(methods=["POST"])
@app.queue_output(arg_name="out", queue_name="never-made", connection="AzureWebJobsStorage")
async def send(req: func.HttpRequest, out: func.Out[str]) -> str:
    out.set("{not json}")
    return "ok"
""")
    assert await host.post("/api/send", headers={"x-functions-key": KEY}) == (500, "")


async def test_returned_value_is_sent(start_host: StartHost, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue bound to `$return` receives the return value. Its listener is not woken, and finds it by polling."""
    woken: list[QueueListener] = []
    monkeypatch.setattr(QueueListener, "wake", woken.append)
    source = """
@app.queue_trigger(arg_name="msg", queue_name="%FIRST%", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="$return", queue_name="%SECOND%", connection="AzureWebJobsStorage")
async def first(msg: func.QueueMessage) -> str:
    return "from " + msg.get_body().decode()
@app.queue_trigger(arg_name="msg", queue_name="%SECOND%", connection="AzureWebJobsStorage")
async def second(msg: func.QueueMessage) -> None:
    seen.append(msg.get_body().decode())
"""
    await queues.create("first")
    await queues.create("second")
    host = await start_host(
        source,
        queues={"messageEncoding": "none"},
        environ={"FIRST": queues.name("first"), "SECOND": queues.name("second")},
    )
    await queues.send("first", "here")
    await until(lambda: host.app.seen == ["from here"])
    assert woken == []


async def test_a_move_to_a_poison_queue_wakes_its_listener(
    start_host: StartHost, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other than an output does."""
    woken: list[str] = []
    monkeypatch.setattr(QueueListener, "wake", lambda listener: woken.append(listener._queue.queue_name))
    source = """
@app.queue_trigger(arg_name="msg", queue_name="%IN%", connection="AzureWebJobsStorage")
async def work(msg: func.QueueMessage) -> None:
    raise ValueError("bad")
@app.queue_trigger(arg_name="msg", queue_name="%IN%-poison", connection="AzureWebJobsStorage")
async def failed(msg: func.QueueMessage) -> None:
    seen.append(msg.get_body().decode())
"""
    await queues.create("in")
    await queues.create("in-poison")
    options = {"messageEncoding": "none", "maxDequeueCount": 1}
    host = await start_host(source, queues=options, environ={"IN": queues.name("in")})
    await queues.send("in", "bad")
    await until(lambda: host.app.seen == ["bad"])
    assert woken == [queues.name("in-poison")]
