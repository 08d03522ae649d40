"""What an existence check concludes from the parts of a `$batch`: absence only from a clear answer."""

import json
from typing import Any, cast

import pytest

from shared.adapters.entra.client import GraphClient
from shared.adapters.entra.errors import Refused
from shared.adapters.entra.existence_check import ExistenceCheck
from shared.domain.directory import Existence, Source
from shared.domain.ids import ObjectId
from shared.errors import LoginRefused, NotFound, SyncError, Transient
from tests.support.builders import person

ADA = person(1)
GROUP = ObjectId("22222222-2222-4222-8222-222222222222")
ACCOUNT = {"id": ADA, "userPrincipalName": "ada@example.com", "accountEnabled": True, "userType": "Member"}
GONE = {"error": {"code": "Request_ResourceNotFound"}}

Part = tuple[int, Any, dict[str, str]]


class RecordedThrottle:
    """Notes for how long it is told to wait, and waits not at all."""

    def __init__(self) -> None:
        self.told: list[tuple[int, str | None]] = []
        self.left_s = 0.0

    def now_s(self) -> float:
        """It is always the same time."""
        return 0.0

    def record_response(self, status: int, headers: dict[str, str], *, sent_s: float) -> None:
        """A part was answered."""
        if status == 429:
            self.told.append((status, headers.get("retry-after")))
            self.left_s = 4.0


class Batches:
    """A GraphClient whose batches are answered from a list by url, the last answer for ever."""

    graph = "https://graph.microsoft.com"

    def __init__(self, **answers: list[Part | None]) -> None:
        self.answers = answers
        self.throttle = RecordedThrottle()
        self.sent: list[list[dict[str, Any]]] = []

    async def post(self, _: str, body: bytes) -> bytes:
        """The parts in reverse order, those left out whose answer is None."""
        requests = json.loads(body)["requests"]
        self.sent.append(requests)
        parts = []
        for request in requests:
            kind = "check" if request["method"] == "POST" else "members" if "/members/" in request["url"] else "account"
            queue = self.answers[kind]
            if answer := queue.pop(0) if len(queue) > 1 else queue[0]:
                status, content, headers = answer
                parts.append({"id": request["id"], "status": status, "headers": headers, "body": content})
        return json.dumps({"responses": parts[::-1]}).encode()


class Poisoned(Batches):
    """A client whose batches get no answer if they ask about certain people."""

    def __init__(self, bad: tuple[ObjectId, ...], error: SyncError) -> None:
        super().__init__(account=[(404, GONE, {})])
        self.bad = bad
        self.error = error

    async def post(self, address: str, body: bytes) -> bytes:
        """Answer batches of other people only."""
        answer = await super().post(address, body)
        if any(person.encode() in body for person in self.bad):
            raise self.error
        return answer


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits are noted, not waited."""
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("shared.adapters.entra.batches.asyncio.sleep", note)
    return waits


async def ask(batches: Batches, *groups: Source, people: tuple[ObjectId, ...] = (ADA,)) -> dict[ObjectId, Existence]:
    """The check's result."""
    return dict(await ExistenceCheck(cast("GraphClient", batches)).check(people, groups))


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ((200, ACCOUNT, {}), Existence.FOUND),
        ((200, ACCOUNT | {"userType": "Guest"}, {}), Existence.GUEST),
        ((200, ACCOUNT | {"accountEnabled": False}, {}), Existence.DISABLED),
        ((404, GONE, {}), Existence.NOT_FOUND),
        ((404, {"error": {"code": "UnknownError"}}, {}), Existence.UNKNOWN),
        ((404, "PGh0bWw+", {}), Existence.UNKNOWN),
        ((403, {"error": {"code": "Authorization_RequestDenied"}}, {}), Existence.UNKNOWN),
        ((200, {"error": {"code": "UnknownError"}}, {}), Existence.UNKNOWN),
        ((200, ACCOUNT | {"userPrincipalName": None, "accountEnabled": None}, {}), Existence.UNKNOWN),
        ((200, ACCOUNT | {"accountEnabled": None}, {}), Existence.UNKNOWN),
        ((200, ACCOUNT | {"id": person(2), "accountEnabled": False}, {}), Existence.UNKNOWN),
        ((200, None, {}), Existence.UNKNOWN),
        ((503, GONE, {}), Existence.UNKNOWN),
        (None, Existence.UNKNOWN),
    ],
)
async def test_an_account(account: Part | None, expected: Existence) -> None:
    """Only Graph's own 404 says that somebody is gone, and only their own account that they are disabled."""
    assert await ask(Batches(account=[account])) == {ADA: expected}


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ((200, {"value": []}, {}), Existence.NOT_IN_SOURCE),
        ((200, {"value": [GROUP]}, {}), Existence.FOUND),
        ((200, {"value": [], "@odata.nextLink": "https://graph.microsoft.com/v1.0/x"}, {}), Existence.UNKNOWN),
        ((200, {"value": [], "@nextLink": "https://graph.microsoft.com/v1.0/x"}, {}), Existence.UNKNOWN),
        ((200, {"value": [GROUP], "@odata.nextLink": "https://graph.microsoft.com/v1.0/x"}, {}), Existence.FOUND),
        ((200, {}, {}), Existence.UNKNOWN),
        ((200, {"value": [], "error": {"code": "UnknownError"}}, {}), Existence.UNKNOWN),
        ((404, GONE, {}), Existence.UNKNOWN),
        ((403, {"error": {"code": "Authorization_RequestDenied"}}, {}), Existence.UNKNOWN),
        (None, Existence.UNKNOWN),
    ],
)
async def test_a_transitive_membership(check: Part | None, expected: Existence) -> None:
    """Somebody is in no group only if Graph says so of every group."""
    batches = Batches(account=[(200, ACCOUNT, {})], check=[check])
    assert await ask(batches, Source(group=GROUP)) == {ADA: expected}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ((200, {"value": []}, {}), Existence.NOT_IN_SOURCE),
        ((200, {"value": [{"id": ADA}]}, {}), Existence.FOUND),
        ((200, {"value": [{"id": person(2)}]}, {}), Existence.UNKNOWN),
        ((200, {"value": [], "@odata.nextLink": "https://graph.microsoft.com/v1.0/x"}, {}), Existence.UNKNOWN),
        ((404, GONE, {}), Existence.UNKNOWN),
    ],
)
async def test_a_direct_membership(members: Part, expected: Existence) -> None:
    """An empty page with a link is not the end, and a missing group proves nothing about a person."""
    batches = Batches(account=[(200, ACCOUNT, {})], members=[members])
    assert await ask(batches, Source(group=GROUP, transitive=False)) == {ADA: expected}


async def test_one_unclear_membership_is_enough_to_stay() -> None:
    """In none of 20 groups, and nothing known about the 21st."""
    batches = Batches(account=[(200, ACCOUNT, {})], check=[(200, {"value": []}, {}), (403, GONE, {})])
    groups = [Source(group=person(number)) for number in range(100, 121)]
    assert await ask(batches, *groups) == {ADA: Existence.UNKNOWN}
    assert [len(part["body"]["groupIds"]) for part in batches.sent[0] if part["method"] == "POST"] == [20, 1]


@pytest.mark.parametrize("name", ["Retry-After", "retry-after", "RETRY-AFTER"])
async def test_a_refused_part_is_asked_again(name: str, no_waiting: list[float]) -> None:
    """Alone, and the throttle waits, for all requests of the customer. Names in JSON come in any case."""
    batches = Batches(account=[(429, {}, {name: "3"}), (404, GONE, {})])
    assert await ask(batches) == {ADA: Existence.NOT_FOUND}
    assert (batches.throttle.told, no_waiting) == ([(429, "3")], [])


async def test_a_part_that_fails_is_asked_again_after_a_pause(no_waiting: list[float]) -> None:
    """Three rounds at most; then nothing is known."""
    batches = Batches(account=[(500, {}, {})])
    assert await ask(batches) == {ADA: Existence.UNKNOWN}
    assert (len(batches.sent), no_waiting) == (3, [1.0, 1.0])


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "1"}])
async def test_a_part_that_is_refused_each_time(headers: dict[str, str]) -> None:
    """Limits say nothing about anybody, so the whole check is for later."""
    batches = Batches(account=[(429, {}, headers)])
    with pytest.raises(Transient) as refused:
        await ask(batches)
    assert (refused.value.code, refused.value.retry_after_s, len(batches.sent)) == ("throttled", 4.0, 3)


async def test_many_people_take_batches_of_twenty() -> None:
    """Answers find their questions by id, in whatever order they come."""
    people = tuple(person(number) for number in range(45))
    batches = Batches(account=[(404, GONE, {})])
    assert await ask(batches, people=people) == dict.fromkeys(people, Existence.NOT_FOUND)
    assert sorted(len(batch) for batch in batches.sent) == [5, 20, 20]


async def test_a_batch_that_fails_as_a_whole_fails_the_check() -> None:
    """What cannot be asked is not concluded."""

    class Down(Batches):
        async def post(self, _: str, body: bytes) -> bytes:
            raise Transient("down", code="graph_failing")

    with pytest.raises(Transient):
        await ask(Down(account=[]))


@pytest.mark.parametrize(
    "error",
    [
        Transient("504", code="graph_failing"),
        Transient("no JSON", code="bad_answer"),
        Transient("reset", code="graph_unreachable"),
        Refused("400", code="BadRequest", status=400),
        NotFound("404", code="group_not_found"),
    ],
)
@pytest.mark.parametrize("bad", [{0}, {19}, {7, 12}, {3, 25, 44}])
async def test_a_batch_without_an_answer_is_split(error: SyncError, bad: set[int]) -> None:
    """Only the people who prevent an answer stay unknown; it takes few requests to isolate them."""
    people = tuple(person(number) for number in range(45))
    batches = Poisoned(tuple(people[number] for number in bad), error)
    expected = {who: Existence.UNKNOWN if number in bad else Existence.NOT_FOUND for number, who in enumerate(people)}
    assert await ask(batches, people=people) == expected
    assert len(batches.sent) <= 3 + 12 * len(bad)


@pytest.mark.parametrize(
    "error",
    [
        Refused("401", code="InvalidAuthenticationToken", status=401),
        Refused("403", code="Authorization_RequestDenied", status=403),
        LoginRefused("expired", code="AADSTS7000222"),
        Transient("429", code="throttled", retry_after_s=30.0),
    ],
)
async def test_what_concerns_every_request_is_not_split(error: SyncError) -> None:
    """Smaller batches would be refused as well."""
    people = tuple(person(number) for number in range(20))
    batches = Poisoned(people[:1], error)
    with pytest.raises(type(error)):
        await ask(batches, people=people)
    assert len(batches.sent) == 1


async def test_an_outage_is_not_taken_for_many_bad_parts() -> None:
    """After some requests without any answer the whole check is for later."""
    people = tuple(person(number) for number in range(200))
    batches = Poisoned(people, Transient("down", code="graph_failing"))
    with pytest.raises(Transient):
        await ask(batches, people=people)
    assert len(batches.sent) < 40


@pytest.mark.parametrize(("who", "group"), [("../groups?x", GROUP), ("anna", GROUP), (ADA, "a/b'c")])
async def test_an_id_that_is_not_of_entra_id_is_not_asked_about(who: str, group: str) -> None:
    """It would become part of a request, and no answer to that would be evidence about the person."""
    batches = Batches(account=[(404, GONE, {})], check=[(200, {"value": []}, {})])
    check = ExistenceCheck(cast("GraphClient", batches))
    assert await check.check([ObjectId(who)], [Source(group=ObjectId(group))]) == {who: Existence.UNKNOWN}
    assert not batches.sent
