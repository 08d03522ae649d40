"""The admin of one tenant learns nothing about another one: whatever it has, the refusal is the same."""

import re
from typing import Any

import msgspec
import pytest

from shared.domain.access.callers import Access
from shared.triggers.http.framework.rules import RULES
from tests.attack import callers
from tests.attack.right import parameters_of, right
from tests.attack.scene import Scene, changes
from tests.attack.sending import Call
from tests.attack.wrong_calls import through_the_door
from tests.support.builders import person

OF_A_TENANT = sorted(rule for rule, access in RULES.items() if access is Access.TENANT)
#: Ids of the right form that nothing has.
NOWHERE = {
    "location": "nowhere",
    "run": "8000000000000-00000000",
    "recipient": "no-such-recipient",
    "import": "8000000000000-00000000",
    "number": "7",
    "erasure": "8000000000000-00000000",
}
_ID = re.compile(r"[0-9]{13}-[0-9a-f]{8}|[0-9a-f]{32}|annex|fabrikam|nowhere|no-such-recipient|no-such-tenant")


async def _answer(scene: Scene, call: Call, who: str) -> tuple[int, Any, dict[str, str]]:
    sent = through_the_door(call, {"Authorization": callers.bearer(who)})
    answer = await scene.door.call(sent.request())
    return answer.status_code, msgspec.json.decode(answer.get_body()), dict(answer.headers)


@pytest.mark.parametrize("rule", OF_A_TENANT)
async def test_another_tenant_is_refused_in_one_way(scene: Scene, rule: str) -> None:
    """Its own ids, unknown ids, a body that is right or none at all, and a tenant that does not exist."""
    call, before = right(scene, rule), scene.state()
    names = call.parameters.keys()
    theirs = {name: text for name, text in parameters_of(scene.fabrikam, rule).items() if name in names}
    nothing = {name: text for name, text in NOWHERE.items() if name in names}
    answers = [
        await _answer(scene, msgspec.structs.replace(call, parameters=parameters, body=body), who)
        for parameters in (theirs, theirs | nothing, theirs | nothing | {"tenant": "no-such-tenant"})
        for body in (call.body, b"", b"{")
        for who in ("contoso", "a foreign admin", "an operator of another Azure tenant")
    ]
    assert all(answer == answers[0] for answer in answers)
    assert (answers[0][0], answers[0][1]["code"]) == (403, "forbidden")
    assert changes(before, scene.state()) == []


@pytest.mark.parametrize(
    "rule", [rule for rule in OF_A_TENANT if rule.count("{") > 1 and not rule.endswith("{location}")]
)
async def test_ids_of_another_tenant_are_unknown_here(scene: Scene, rule: str) -> None:
    """In a path of the own tenant, an id that another tenant has is answered as one that nothing has."""
    call, before = right(scene, rule), scene.state()
    theirs = parameters_of(scene.fabrikam, rule)
    last = rule.rpartition("{")[2].strip("}")
    for name in call.parameters.keys() - {"tenant", "number"}:
        if name == last and rule.startswith("PUT "):
            continue  # creates it
        there = await _answer(scene, _with(call, name, theirs[name]), "contoso")
        nowhere = await _answer(scene, _with(call, name, NOWHERE[name]), "contoso")
        assert _unnamed(there) == _unnamed(nowhere), name
        assert there[0] == 404
        scene.restore(before)


def _with(call: Call, name: str, text: str) -> Call:
    return msgspec.structs.replace(call, parameters={**call.parameters, name: text})


def _unnamed(answer: tuple[int, Any, dict[str, str]]) -> tuple[int, str]:
    """Return an answer without the ids that it repeats."""
    return answer[0], _ID.sub("ID", msgspec.json.encode(answer[1]).decode())


async def test_a_list_names_only_the_own_tenant(scene: Scene) -> None:
    """An admin's introduction and lists do not mention the other tenant, whatever is searched for."""
    for path, query in (
        ("me", {}),
        ("tenants/contoso/runs", {}),
        ("tenants/contoso/locations", {}),
        ("tenants/contoso/users", {}),
        ("tenants/contoso/explain", {"user": person(11)}),
        ("tenants/contoso/groups", {"search": person(100)}),
    ):
        rule = f"GET {path.replace('contoso', '{tenant}')}"
        call = Call(rule=rule, wrong="nothing", method="GET", path=path, query=dict(query))
        headers = {"Authorization": callers.bearer("contoso")}
        answer = await scene.door.call(msgspec.structs.replace(call, headers=headers).request())
        assert answer.status_code == 200, path
        assert not re.search(r"fabrikam|annex|user11@", answer.get_body().decode())
