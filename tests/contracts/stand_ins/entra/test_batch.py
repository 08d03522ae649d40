"""`$batch`: many requests in one, each answered for itself."""

from tests.contracts.stand_ins.entra.talking import Json, Talk


async def batch(talk: Talk, requests: list[Json]) -> dict[str, Json]:
    """The answers, by id."""
    reply = await talk.graph("POST /$batch", json={"requests": requests})
    assert reply.status == 200, reply
    return {one["id"]: one for one in reply.body["responses"]}


async def test_independent_answers(talk: Talk) -> None:
    """Each request has its own status, headers and body; one failure is not the others'."""
    users = (await talk.graph("GET /users?$select=id&$top=2")).ids
    group = (await talk.directory())["groups"][0]["id"]
    found = await batch(
        talk,
        [
            {"id": "a", "method": "GET", "url": f"/users/{users[0]}?$select=id"},
            {"id": "b", "method": "GET", "url": "/users/nobody"},
            {
                "id": "c",
                "method": "POST",
                "url": f"/users/{users[0]}/checkMemberGroups",
                "headers": {"Content-Type": "application/json"},
                "body": {"groupIds": [group]},
            },
            {"id": "d", "method": "GET", "url": "/users/$count", "headers": {"ConsistencyLevel": "eventual"}},
        ],
    )
    assert {key: one["status"] for key, one in found.items()} == {"a": 200, "b": 404, "c": 200, "d": 200}
    assert found["a"]["body"]["id"] == users[0]
    assert found["b"]["body"]["error"]["code"] == "Request_ResourceNotFound"
    assert found["c"]["body"]["value"] == [group]
    assert found["c"]["headers"]["Content-Type"].startswith("application/json")


async def test_answers_are_out_of_order(talk: Talk) -> None:
    """Answers come in an order of their own, unless it is set otherwise."""
    requests = [{"id": str(number), "method": "GET", "url": "/users?$top=1"} for number in range(3)]
    reply = await talk.graph("POST /$batch", json={"requests": requests})
    assert [one["id"] for one in reply.body["responses"]] == ["2", "1", "0"]
    await talk.admin("PATCH /settings", {"batch_in_order": True})
    reply = await talk.graph("POST /$batch", json={"requests": requests})
    assert [one["id"] for one in reply.body["responses"]] == ["0", "1", "2"]


async def test_limits(talk: Talk) -> None:
    """Twenty-one requests are too many, ids are unique, and the form is right."""
    requests = [{"id": str(number), "method": "GET", "url": "/users?$top=1"} for number in range(21)]
    assert len(await batch(talk, requests[:20])) == 20
    assert (await talk.graph("POST /$batch", json={"requests": requests})).status == 400
    assert (await talk.graph("POST /$batch", json={"requests": requests[:1] * 2})).status == 400
    assert (await talk.graph("POST /$batch", json={"nonsense": 1})).status == 400


async def test_ids_differ_in_more_than_case(talk: Talk) -> None:
    """Ids are compared without regard to letter case, also in `dependsOn`."""
    requests: list[Json] = [{"id": key, "method": "GET", "url": "/users?$top=1"} for key in ("a", "A")]
    assert (await talk.graph("POST /$batch", json={"requests": requests})).status == 400
    requests = [
        {"id": "a", "method": "GET", "url": "/users/nobody"},
        {"id": "b", "method": "GET", "url": "/users?$top=1", "dependsOn": ["A"]},
    ]
    assert (await batch(talk, requests))["b"]["status"] == 424


async def test_a_body_needs_its_type(talk: Talk) -> None:
    """A part with a body and no `Content-Type` spoils the whole batch; so does a POST without a body."""
    user = (await talk.graph("GET /users?$select=id&$top=1")).ids[0]
    post: Json = {"id": "1", "method": "POST", "url": f"/users/{user}/checkMemberGroups"}
    typed: Json = {"headers": {"content-type": "application/json"}}
    for wrong in (post | {"body": {"groupIds": []}}, post | typed):
        refused = await talk.graph("POST /$batch", json={"requests": [wrong]})
        assert (refused.status, refused.code) == (400, "BadRequest")
    assert (await batch(talk, [post | typed | {"body": {"groupIds": []}}]))["1"]["status"] == 200


async def test_the_batch_needs_its_type(talk: Talk) -> None:
    """The batch itself is JSON and says so."""
    for headers in ({}, {"Content-Type": "text/plain"}):
        refused = await talk.graph("POST /$batch", data=b'{"requests":[]}', headers=headers)
        assert (refused.status, refused.code) == (400, "BadRequest")


async def test_addresses_have_no_version(talk: Talk) -> None:
    """The address of a part is relative to the version; a part that repeats it is not found."""
    requests = [{"id": path, "method": "GET", "url": path} for path in ("/users?$top=1", "users?$top=1", "/v1.0/users")]
    found = await batch(talk, requests)
    assert {path: one["status"] for path, one in found.items()} == {
        "/users?$top=1": 200,
        "users?$top=1": 200,
        "/v1.0/users": 400,
    }


async def test_dependencies(talk: Talk) -> None:
    """What depends on a failure fails with 424."""
    found = await batch(
        talk,
        [
            {"id": "1", "method": "GET", "url": "/users/nobody"},
            {"id": "2", "method": "GET", "url": "/users?$top=1", "dependsOn": ["1"]},
        ],
    )
    assert found["2"]["status"] == 424


async def test_one_is_throttled(talk: Talk) -> None:
    """A 429 is one request's own, with its own Retry-After."""
    await talk.admin("POST /faults", {"path": "^/users", "nth": 2, "action": {"type": "throttled", "retry_after_s": 7}})
    requests = [{"id": str(number), "method": "GET", "url": "/users?$top=1"} for number in range(3)]
    found = await batch(talk, requests)
    assert [found[key]["status"] for key in "012"] == [200, 429, 200]
    assert found["1"]["headers"]["Retry-After"] == "7"
