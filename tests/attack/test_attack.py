"""A few bad inputs at every route and queue; `make attack` sends many, by another seed each time."""

import random

import msgspec
import pytest

from shared.adapters.stores import table_names
from shared.domain.sync.jobs import QUEUES
from shared.triggers.http.framework.rules import RULES
from tests.attack.campaign import HARMLESS, Totals, attacked, inputs_for, judge, targets
from tests.attack.right import REFUSING, right
from tests.attack.scene import EXEMPT, Scene, State, changes, digest
from tests.attack.sending import Call, Outcome, Post
from tests.support.seeds import SEED

EACH = 12


@pytest.mark.usefixtures("app_modules")
async def test_bad_inputs_are_refused_and_change_nothing() -> None:
    """At every route and queue, whether they decode or not."""
    totals = await attacked(SEED, EACH)
    assert [str(failure) for failure in totals.failures] == []
    assert set(totals.inputs) == {*RULES, *QUEUES, "GET portal/{*path}"}
    assert min(totals.inputs.values()) >= EACH


async def test_the_requests_that_bad_ones_are_made_of_are_right(scene: Scene) -> None:
    """Otherwise what is wrong with a bad one would never be reached."""
    before = scene.state()
    refused = {}
    for rule in targets(scene):
        if rule not in QUEUES:
            answer = await scene.routes[rule].call(right(scene, rule).request())
            if answer.status_code >= 400:
                refused[rule] = msgspec.json.decode(answer.get_body())["code"]
            assert right(scene, rule).is_decodable(), rule
            scene.restore(before)
    assert refused == REFUSING
    assert set(HARMLESS) < set(scene.routes)


async def test_there_are_enough_inputs_and_half_of_them_decode(scene: Scene) -> None:
    """At least fifty for each route and queue, all of them different."""
    for rule in targets(scene):
        inputs = inputs_for(scene, rule, 60, random.Random(SEED))
        decoded = sum(bad.is_decodable() for bad in inputs)
        assert len(inputs) >= 50, rule
        assert 2 * decoded >= len(inputs), rule
        assert len({msgspec.msgpack.encode(bad) for bad in inputs}) == len(inputs)


async def test_a_request_that_is_accepted_and_what_it_changes_are_noticed(scene: Scene) -> None:
    """The judge finds both, and stores what was there before."""
    before, totals = scene.state(), Totals()
    await judge(scene, right(scene, "PUT tenants/{tenant}"), before, totals)
    assert (totals.outcomes[Outcome.ACCEPTED], totals.changed) == (1, 1)
    assert "Tenants ('contoso', 'tenant')" in totals.failures[0].detail
    assert scene.state() == before


async def test_a_defect_is_noticed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a route as at a queue, also if only the last delivery could record it."""

    async def defect(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    before, totals = scene.state(), Totals()
    monkeypatch.setattr(scene.ports.tenants, "find_part", defect)
    monkeypatch.setattr(scene.ports.tenants, "get_context", defect)
    call = right(scene, "GET tenants/{tenant}")
    for bad in (call, Post(rule="sync-requests", wrong="x", text=b"contoso")):
        await judge(scene, bad, before, totals)
    assert totals.outcomes == {Outcome.CRASHED: 2}


def test_only_what_is_named_may_be_written() -> None:
    """A row that is added, changed or deleted is a change, except in the tables of counts; entries are only added."""
    stored: State = {"Tenants": {"a": 1}, table_names.LEDGER: {"a": 1}, table_names.LIMITS: {"a": 1}}
    assert changes(stored, {**stored, table_names.LEDGER: {"a": 1, "b": 2}, table_names.LIMITS: {}}) == []
    assert changes(stored, {**stored, "Tenants": {"a": 2}}) == ["Tenants a"]
    assert changes(stored, {**stored, "Tenants": {"a": 1, "b": 1}}) == ["Tenants b"]
    assert changes(stored, {**stored, "New": {"b": 1}}) == ["New b"]
    assert changes(stored, {**stored, table_names.LEDGER: {"a": 2}}) == [f"{table_names.LEDGER} a"]
    assert changes(stored, {**stored, table_names.LEDGER: {}}) == [f"{table_names.LEDGER} a"]
    assert digest(stored) != digest({**stored, "Tenants": {"a": 2}})
    assert set(EXEMPT) <= set(table_names.ALL_TABLES)


def test_a_request_of_another_route_does_not_count_as_decoded() -> None:
    """Nor does one whose path, header, query or body has not the declared type."""
    rule = "GET tenants/{tenant}/runs"
    good = Call(rule=rule, wrong="nothing", method="GET", parameters={"tenant": "contoso"})
    assert good.is_decodable()
    for changes_ in (
        {"method": "POST"},
        {"parameters": {"tenant": "Contoso"}},
        {"query": {"limit": "0"}},
        {"query": {"cursor": "x"}},
        {"path": "tenants/contoso/runs/x"},
    ):
        assert not msgspec.structs.replace(good, **changes_).is_decodable()
