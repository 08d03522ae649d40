"""The directories at start, and generated ones: always the same."""

import asyncio
import hashlib
from collections import Counter
from time import monotonic, sleep

import msgspec
import pytest

from infra.local.entra.graph.gateway import Graph
from infra.local.entra.http.answers import Answer
from infra.local.entra.http.request import Request
from infra.local.entra.state.clock import SimulatedClock
from infra.local.entra.state.directory import Directory, DirectoryPlan
from infra.local.entra.state.generate import Shares
from infra.local.entra.state.group import Kind
from infra.local.entra.state.samples import SAMPLES, build
from tests.contracts.stand_ins.entra.talking import Talk

#: Digest of contoso's first thousand users. It changes only together with the test data of all suites.
CONTOSO_DIGEST = "456bedf0de43cefaf11e4de8a0c9aa863cf3819379e69a02587049d1f6208772"


@pytest.fixture(scope="module")
def samples() -> dict[str, Directory]:
    """All of them, in full size."""
    return {plan.name: build(plan, SimulatedClock()) for plan in SAMPLES}


def everything(directory: Directory) -> bytes:
    """All that is generated, as bytes."""
    users = [directory.users.record(at) for at in range(directory.users.positions)]
    members = {group.id: [one.id for one in directory.groups.direct(group.id)] for group in directory.groups}
    return msgspec.json.encode([directory.tenant_id, users, list(directory.groups), members])


def test_same_seed_same_bytes() -> None:
    """Two directories of one seed are equal to the last byte, of two seeds they are not."""
    plan = DirectoryPlan(name="x", users=500, groups=20, seed="1", shares=Shares(guests=0.1, disabled=0.1))
    other = msgspec.structs.replace(plan, seed="2")
    first, second, third = (everything(build(one, SimulatedClock())) for one in (plan, plan, other))
    assert first == second != third


def test_samples_stay_what_they_are(samples: dict[str, Directory]) -> None:
    """Contoso's people are today who they were when other tests were written."""
    users = [samples["contoso"].users.record(at) for at in range(1_000)]
    assert hashlib.sha256(msgspec.json.encode(users)).hexdigest() == CONTOSO_DIGEST


def test_contoso(samples: dict[str, Directory]) -> None:
    """Contoso has exactly 10,000 users, every one an enabled member with an address of their own."""
    users = [samples["contoso"].users.record(at) for at in range(samples["contoso"].users.positions)]
    assert len(users) == 10_000
    assert all(user.account_enabled and user.user_type == "Member" for user in users)
    assert len({(user.mail or user.user_principal_name).casefold() for user in users}) == 10_000
    assert len({user.id for user in users}) == 10_000
    assert 0 < sum(user.mail is None for user in users) < 300
    assert any(not (user.display_name or "").isascii() for user in users)


def test_fabrikam(samples: dict[str, Directory]) -> None:
    """Fabrikam has guests, disabled people, and groups that are big, empty, nested, overlapping and in a circle."""
    directory = samples["fabrikam"]
    users = [directory.users.record(at) for at in range(directory.users.positions)]
    kinds = Counter((user.user_type, user.account_enabled) for user in users)
    assert len(users) == 3_000
    assert kinds["Guest", True] > 50
    assert kinds["Member", False] > 20
    assert all("#EXT#" in user.user_principal_name for user in users if user.user_type == "Guest")
    groups = [directory.groups.direct(group.id) for group in directory.groups]
    assert len(groups) == 40
    assert max(map(len, groups)) == 1_500
    assert min(map(len, groups)) == 0
    nested = [
        group.id
        for group in directory.groups
        if any(one.kind is Kind.GROUP for one in directory.groups.direct(group.id))
    ]
    assert len(nested) > 10
    within = {key: {one.id for one in directory.groups.transitive(key)} for key in nested}
    assert any(other in within and group in within[other] for group in within for other in within[group])
    memberships = Counter(one.id for group in groups for one in group)
    assert memberships.most_common(1)[0][1] > 2


def test_groups_of_one_size() -> None:
    """A plan can have groups of one size: all differ, none is nested, and all users are in equally many."""
    directory = build(DirectoryPlan(name="teams", users=100, groups=20, group_size=10), SimulatedClock())
    groups = [frozenset(one.id for one in directory.groups.direct(group.id)) for group in directory.groups]
    assert [len(group) for group in groups] == [10] * 20
    assert len(set(groups)) == 20
    memberships = Counter(user for group in groups for user in group)
    assert set(memberships.values()) == {2}
    assert memberships.keys() == {directory.users.id_at(at) for at in range(100)}


def test_a_million_users_take_no_memory() -> None:
    """A user of a million is made when asked for, and found by id and by name without an index."""
    directory = build(DirectoryPlan(name="huge", users=1_000_000, shares=Shares(guests=0.2)), SimulatedClock())
    for number in (0, 1, 777_777, 999_999):
        user = directory.users.record(number)
        assert directory.users.position_of(user.id) == number
        assert directory.users.position_of(user.user_principal_name) == number
    assert directory.users.position_of(directory.users._generator.id_of(1_000_000)) is None
    assert len(directory.users) == 1_000_000


async def test_scale_and_reset(talk: Talk) -> None:
    """A scale divides the users and keeps the groups; a reset brings everything back."""
    before = await talk.admin("GET /directories")
    assert {name: (one["users"], len(one["groups"])) for name, one in before.items()} == {
        "contoso": (100, 12),
        "fabrikam": (30, 40),
        "adatum": (5, 6),
    }
    await talk.admin("POST /directories", {"name": "contoso", "users": 3})
    await talk.admin("POST /directories/adatum/secrets/all/expire")
    await talk.admin("DELETE /directories/fabrikam")
    await talk.admin("POST /reset")
    assert await talk.admin("GET /directories") == before


async def test_new_directory(talk: Talk) -> None:
    """A directory created by the admin API can be read immediately, and can be deleted."""
    made = await talk.admin("POST /directories", {"name": "tailspin", "users": 1_500, "groups": 10, "seed": "7"})
    assert made["users"] == 1_500
    assert len(await talk.ids("/users?$select=id&$top=999", "tailspin")) == 1_500
    await talk.admin("DELETE /directories/tailspin")
    assert (await talk.graph("GET /users", "tailspin")).status == 401


async def test_mistakes_in_admin_calls(talk: Talk) -> None:
    """A mistake is answered with a sentence, not with a stack trace."""
    for method, path, body, status in [
        ("GET", "/directories/nobody", None, 404),
        ("POST", "/directories", {"nonsense": 1}, 400),
        ("POST", "/directories", {"name": "x", "users": 3, "groups": 1, "group_size": 4}, 400),
        ("PATCH", "/settings", {"nonsense": 1}, 400),
        ("POST", "/faults", {"path": "(", "action": {"type": "html"}}, 400),
        ("POST", "/directories/fabrikam/roles", {"grant": ["User.Reed.All"]}, 400),
        ("PATCH", "/directories/fabrikam/users/nobody", {}, 404),
        ("POST", "/directories/fabrikam/groups", {"displayName": "x", "members": ["nobody"]}, 404),
    ]:
        reply = await talk.request(method, f"{talk.entra.admin}/admin{path}", json=body)
        assert (reply.status, isinstance(reply.body["error"], str)) == (status, True)


async def test_latency(talk: Talk) -> None:
    """Login and Graph can be as far away as a test likes; the admin API stays near, and many wait at the same time."""
    await talk.admin("PATCH /settings", {"latency_ms": 200})
    began_s = monotonic()
    await talk.token()
    asked_s = monotonic()
    await asyncio.gather(*(talk.graph("GET /users?$top=1") for _ in range(8)))
    answered_s = monotonic()
    await talk.admin("PATCH /settings", {"latency_ms": 0})
    assert asked_s - began_s >= 0.2
    assert 0.2 <= answered_s - asked_s < 8 * 0.2


async def test_what_comes_while_others_are_answered(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has not to wait for all whose latency is over as well: what is on its way takes no longer for them."""
    answer, rounds = Graph.answer, [0]
    answered: list[int] = []

    def slow_answer(graph: Graph, request: Request) -> Answer:
        answered.append(rounds[0])
        sleep(0.02)
        return answer(graph, request)

    async def count_rounds() -> None:
        while True:
            rounds[0] += 1
            await asyncio.sleep(0)

    await talk.token()
    await talk.admin("PATCH /settings", {"latency_ms": 20})
    monkeypatch.setattr(Graph, "answer", slow_answer)
    counting = asyncio.create_task(count_rounds())
    await asyncio.gather(*(talk.graph("GET /users?$top=1") for _ in range(8)))
    counting.cancel()
    assert len(set(answered)) == len(answered) == 8


async def test_metrics(talk: Talk) -> None:
    """Requests are counted by kind and directory, and the counts can be reset."""
    await talk.graph("GET /users?$select=id")
    await talk.graph("GET //users/nobody")
    await talk.admin("DELETE /metrics")
    await talk.graph("GET /users?$select=id")
    await talk.graph("GET //users/nobody")
    metrics = await talk.admin("GET /metrics")
    assert metrics["by_directory"] == {"fabrikam": {"GET /users": 1, "GET /users/{user}": 1}}
    assert metrics["by_status"] == {"200": 1, "404": 1}
    assert (metrics["total"], metrics["resource_units"]) == (2, 2)
