"""Attacks of all routes and queues by one seed, and what became of them."""

import random
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from time import perf_counter, thread_time
from typing import Any, Final

import msgspec

from shared.domain.sync.jobs import QUEUES
from tests.attack.malformed_calls import malformed_calls
from tests.attack.messages import malformed_messages, wrong_messages
from tests.attack.scene import Scene, State, changes, digest
from tests.attack.sending import Input, Outcome
from tests.attack.wrong_calls import wrong_calls

#: Routes that accept every request: there is nothing in one that could be wrong.
HARMLESS: Final = {"GET portal": "it takes neither parameters nor a body"}
#: Inputs after which the app starts again, without what it keeps in memory.
_RENEWED: Final = 25
#: Tries for each input that is wanted, of which some are made twice.
_TRIES: Final = 20


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An input that was not refused as it should be, or that changed something."""

    rule: str
    wrong: str
    detail: str
    input: Input

    def __str__(self) -> str:
        return f"{self.rule}: {self.wrong}: {self.detail}\n    {str(msgspec.structs.asdict(self.input))[:1_500]}"


class Totals(msgspec.Struct, kw_only=True):
    """Figures of a campaign."""

    outcomes: Counter[str] = msgspec.field(default_factory=Counter)
    decoded: Counter[str] = msgspec.field(default_factory=Counter)
    inputs: Counter[str] = msgspec.field(default_factory=Counter)
    codes: Counter[str] = msgspec.field(default_factory=Counter)
    changed: int = 0
    #: Most CPU time of one input in the thread of the event loop, in seconds, and the route or queue that it was for.
    slowest: tuple[float, str] = (0.0, "")
    failures: list[Failure] = msgspec.field(default_factory=list)


def targets(scene: Scene) -> list[str]:
    """Return all routes and queues, as the app registers them."""
    routes = [rule for rule in scene.routes if "signed-in" not in rule and rule not in HARMLESS]
    return [*routes, *QUEUES]


async def attack(seed: int, each: int) -> dict[str, Any]:
    """Attack every route and queue with twice `each` inputs, and return the figures."""
    began = perf_counter()
    totals = await attacked(seed, each)
    for failure in totals.failures[:50]:
        print(failure)
    inputs = sum(totals.inputs.values())
    return {
        "inputs": inputs,
        "decoded": sum(totals.decoded.values()),
        "targets": len(totals.inputs),
        "least_inputs": min(totals.inputs.values()),
        "least_decoded": min(totals.decoded[rule] for rule in totals.inputs),
        "refused": totals.outcomes[Outcome.REFUSED],
        "recorded": totals.outcomes[Outcome.RECORDED],
        "dropped": totals.outcomes[Outcome.DROPPED],
        "accepted": totals.outcomes[Outcome.ACCEPTED],
        "crashed": totals.outcomes[Outcome.CRASHED],
        "changed": totals.changed,
        "codes": len(totals.codes),
        "slowest_ms": round(totals.slowest[0] * 1_000, 1),
        "slowest": totals.slowest[1],
        "seed": seed,
        "seconds": round(perf_counter() - began, 1),
    }


async def attacked(seed: int, each: int, only: str = "") -> Totals:
    """Attack the routes and queues whose name contains `only`, and return what became of it."""
    scene, totals = Scene(), Totals()
    await scene.begin()
    before = scene.state()
    before_digest = digest(before)
    for rule in targets(scene):
        if only in rule:
            chance = random.Random(f"{seed} {rule}")
            for number, bad in enumerate(inputs_for(scene, rule, each, chance)):
                if number % _RENEWED == 0:
                    scene.renew()
                await judge(scene, bad, before, totals)
            assert digest(scene.state()) == before_digest, f"a stored row was changed in place: {rule}"
    return totals


def inputs_for(scene: Scene, rule: str, each: int, chance: random.Random) -> list[Input]:
    """Return at most `each` different inputs that decode, and as many that do not."""
    if rule in QUEUES:
        wrong = _different(wrong_messages(scene, rule, chance), each)
        return [*wrong, *_different(malformed_messages(scene, rule, chance), len(wrong))]
    calls = _different(wrong_calls(scene, rule, chance), each)
    return [*calls, *_different(malformed_calls(scene, rule, chance), len(calls))]


def _different(inputs: Iterator[Input], count: int) -> list[Input]:
    fresh: dict[bytes, Input] = {}
    for bad in islice(inputs, count * _TRIES):
        fresh.setdefault(msgspec.msgpack.encode(bad), bad)
        if len(fresh) == count:
            break
    return list(fresh.values())


async def judge(scene: Scene, bad: Input, before: State, totals: Totals) -> None:
    """Send an input, note what becomes of it, and store what was stored before."""
    began_s = thread_time()
    verdict = await bad.sent(scene)
    totals.slowest = max(totals.slowest, (thread_time() - began_s, f"{bad.rule}: {bad.wrong}"))
    totals.inputs[bad.rule] += 1
    totals.decoded[bad.rule] += bad.is_decodable()
    totals.outcomes[verdict.outcome] += 1
    if verdict.outcome in {Outcome.REFUSED, Outcome.RECORDED}:
        totals.codes[verdict.detail] += 1
    after = scene.state()
    changed = changes(before, after)
    totals.changed += bool(changed)
    if changed or verdict.outcome in {Outcome.CRASHED, Outcome.ACCEPTED}:
        detail = f"{verdict.outcome.value} {verdict.detail} {changed}"
        totals.failures.append(Failure(rule=bad.rule, wrong=bad.wrong, detail=detail, input=bad))
    scene.restore(before)
