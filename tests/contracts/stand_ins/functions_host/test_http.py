"""Requests reach functions, and answers clients, as in Azure."""

import asyncio
import json
from collections.abc import AsyncIterator

from tests.contracts.stand_ins.functions_host.running import KEY, StartHost, until

ECHO = """
import json
@app.route(route="echo/{name}", methods=["GET", "POST"])
async def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    seen.append(context)
    return func.HttpResponse(json.dumps({
        "method": req.method, "url": req.url, "params": dict(req.params), "route": dict(req.route_params),
        "header": req.headers.get("X-Some"), "encoding": req.headers.get("Transfer-Encoding"),
        "body": req.get_body().decode(),
    }), status_code=202, mimetype="application/json", headers={"x-more": "1", "set-cookie": "a=b; Path=/; HttpOnly"})
"""


async def test_request_and_response(start_host: StartHost) -> None:
    """A function sees method, URL, query, route parameters, headers and body; its response arrives whole."""
    host = await start_host(ECHO)
    url = f"{host.url}/api/echo/a%20b?x=1&x=2&empty="
    async with host.client.post(url, data=b"hello", headers={"X-Some": "thing"}) as response:
        seen = await response.json()
        assert (response.status, response.headers["x-more"]) == (202, "1")
        assert response.headers["Set-Cookie"] == "a=b; HttpOnly; Path=/"
        assert response.content_type == "application/json"
    assert seen["method"] == "POST"
    assert seen["url"].startswith(host.url)
    assert (seen["params"], seen["route"]) == ({"x": "1,2"}, {"name": "a b"})
    assert (seen["header"], seen["body"]) == ("thing", "hello")


async def test_trace_continues(start_host: StartHost) -> None:
    """The caller's trace reaches the function's context."""
    host = await start_host(ECHO)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await host.get("/api/echo/a", headers={"traceparent": parent})
    assert host.app.seen[0].trace_context.Traceparent == parent
    assert host.app.seen[0].function_name == "echo"


async def test_chunked_body_is_not_passed_on(start_host: StartHost) -> None:
    """A body without a length does not reach the function, as in Azure; its header does."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"hello"

    host = await start_host(ECHO)
    _, text = await host.post("/api/echo/a", data=chunks())
    echo = json.loads(text)
    assert (echo["body"], echo["encoding"]) == ("", "chunked")


async def test_unknown_path_and_wrong_method(start_host: StartHost) -> None:
    """Both are 404: the host has no 405."""
    host = await start_host(ECHO)
    assert await host.get("/api/nothing") == (404, "")
    async with host.client.put(f"{host.url}/api/echo/a") as response:
        assert response.status == 404


async def test_keys(start_host: StartHost) -> None:
    """FUNCTION and ADMIN routes want the key, in the header or the query; 401 has no body."""
    host = await start_host("""
@app.route(route="one", auth_level="FUNCTION")
def one(req: func.HttpRequest) -> str:
    return "one"
@app.route(auth_level="ADMIN")
async def two(req: func.HttpRequest) -> str:
    return "two"
""")
    for name in ("one", "two"):
        assert await host.get(f"/api/{name}") == (401, "")
        assert await host.get(f"/api/{name}?code=wrong") == (401, "")
        assert await host.get(f"/api/{name}", params={"code": KEY}) == (200, name)
        assert await host.get(f"/api/{name}", headers={"x-functions-key": KEY}) == (200, name)


async def test_failures_are_500(start_host: StartHost) -> None:
    """An exception, and a function that returns nothing, are a 500 without a body."""
    host = await start_host("""
@app.route()
async def broken(req: func.HttpRequest) -> str:
    raise ValueError("broken")
@app.route()
async def silent(req: func.HttpRequest) -> func.HttpResponse:
    return None
""")
    assert await host.get("/api/broken") == (500, "")
    assert await host.get("/api/silent") == (500, "")


async def test_function_timeout(start_host: StartHost) -> None:
    """A function that runs longer than functionTimeout is ended and has failed."""
    host = await start_host(
        "@app.route()\nasync def slow(req: func.HttpRequest) -> str:\n    await asyncio.Event().wait()\n",
        host_json={"functionTimeout": "00:00:01"},
    )
    assert await host.get("/api/slow") == (500, "")


async def test_route_prefix(start_host: StartHost) -> None:
    """The prefix of host.json goes before every route; an empty one leaves them bare."""
    source = '@app.route(route="x")\nasync def x(req: func.HttpRequest) -> str:\n    return "x"\n'
    host = await start_host(source, host_json={"extensions": {"http": {"routePrefix": ""}}})
    assert await host.get("/x") == (200, "x")


async def test_admin_needs_the_master_key(start_host: StartHost) -> None:
    """Status and invocation by hand are 401 without the key; the ping is open."""
    host = await start_host(ECHO)
    key = {"x-functions-key": KEY}
    assert await host.get("/admin/host/ping") == (200, "")
    assert (await host.get("/admin/host/status"))[0] == 401
    assert (await host.post("/admin/functions/echo", json={"input": ""}))[0] == 401
    status, text = await host.get("/admin/host/status", headers=key)
    assert (status, json.loads(text)["state"]) == (200, "Running")
    assert (await host.post("/admin/functions/nothing", json={"input": ""}, headers=key))[0] == 404
    assert (await host.post("/admin/functions/echo", json={"input": {}}, headers=key))[0] == 400


async def test_functions_started_by_hand(start_host: StartHost) -> None:
    """A queue's and a timer's function run on request, each with what it would be given."""
    host = await start_host("""
@app.queue_trigger(arg_name="msg", queue_name="by-hand", connection="AzureWebJobsStorage")
async def work(msg: func.QueueMessage) -> None:
    seen.append((msg.get_body(), msg.id, msg.dequeue_count))
@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
async def tick(timer: func.TimerRequest) -> None:
    seen.append(timer.past_due)
""")
    for name, given in (("WORK", "hello"), ("tick", None)):
        body = {"input": given}
        assert await host.post(f"/admin/functions/{name}", json=body, headers={"x-functions-key": KEY}) == (202, "")
    await until(lambda: len(host.app.seen) == 2)
    assert (b"hello", None, 0) in host.app.seen
    assert False in host.app.seen


async def test_drain_answers_requests_under_way(start_host: StartHost) -> None:
    """Stopping waits for a request under way and takes no new one."""
    host = await start_host("""
go = asyncio.Event()
@app.route()
async def slow(req: func.HttpRequest) -> str:
    seen.append(1)
    await go.wait()
    return "done"
""")
    asking = asyncio.create_task(host.get("/api/slow"))
    await until(lambda: bool(host.app.seen))
    stopping = asyncio.create_task(host.host.stop(drain_s=10))
    await asyncio.sleep(0)
    host.app.go.set()
    assert await asking == (200, "done")
    assert await stopping == 0


async def test_drain_is_bounded(start_host: StartHost) -> None:
    """What does not finish in time is given up and counted."""
    host = await start_host("""
@app.queue_trigger(arg_name="msg", queue_name="never-ends", connection="AzureWebJobsStorage")
async def work(msg: str) -> None:
    seen.append(1)
    await asyncio.Event().wait()
""")
    await host.post("/admin/functions/work", json={"input": ""}, headers={"x-functions-key": KEY})
    await until(lambda: bool(host.app.seen))
    assert await host.host.stop(drain_s=0.1) == 1
