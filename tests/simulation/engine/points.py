"""Every point at which a worker can die or an answer can be lost, in the operations that write: each is visited."""

import io
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Final

from shared.bootstrap import App
from shared.domain.ids import MAIN, LocationId, recipient_id_of
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.preferences.preferences import Mode
from shared.domain.run import RunMode, RunState
from tests.simulation.engine.cluster import FABRIKAM, GROUPS, PEOPLE, preferences
from tests.simulation.engine.faults import Fault, FaultAt
from tests.simulation.engine.history import History
from tests.support.builders import person, user

_BERLIN: Final = LocationId("berlin")
#: The faults that are visited, and whether they are faults of writes alone.
CRASHES: Final = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)
LOST_ANSWERS: Final = (Fault.RETRIED, Fault.LOST)


@dataclass(frozen=True)
class Operation:
    """Something that is disturbed at each of its points, after a quiet beginning."""

    name: str
    act: Callable[[History], None]
    arrange: Callable[[History], None] = lambda history: None


def _called(do: Callable[[App], Coroutine[Any, Any, object]]) -> Callable[[History], None]:
    def act(history: History) -> None:
        history.call("the operation", do)

    return act


def _change(history: History) -> None:
    directory = history.cluster.directory(FABRIKAM)
    directory.put(user(1, department="Moved"))
    directory.members[GROUPS[0]].remove(person(0))
    directory.members[GROUPS[1]].append(person(1))
    history.moved(FABRIKAM)


def _sync(history: History) -> None:
    history.call("POST runs", lambda app: app.request_run(FABRIKAM, RunMode.INCREMENTAL, "anna"))


def _all_leave(history: History) -> None:
    history.cluster.directory(FABRIKAM).members[GROUPS[0]].clear()
    history.moved(FABRIKAM)
    _sync(history)
    history.until_quiet()


def _approve(history: History) -> None:
    held = next(run for run in history.runs(FABRIKAM) if run.state is RunState.HELD)
    digest = held.held_digest or ""
    history.call("approve", lambda app: app.review_held.approve(FABRIKAM, held.id, digest, "anna"))


def _changed(history: History) -> None:
    _change(history)
    _sync(history)
    history.until_quiet()


def _undo(history: History) -> None:
    run = history.runs(FABRIKAM)[0]
    history.call("undo", lambda app: app.undo(FABRIKAM, run.id, "anna"))


async def _edit(app: App) -> object:
    recipient = recipient_id_of(MAIN, person(2))
    return await app.edit_recipient(FABRIKAM, _BERLIN, recipient, {"department": "Edited"}, active=None, by="anna")


async def _import(app: App) -> object:
    text = "mail,department\n" + "".join(f"user{number}@example.com,IT\n" for number in range(PEOPLE + 4))
    return await app.import_csv(FABRIKAM, _BERLIN, io.BytesIO(text.encode()), ImportMode.MERGE, "", "anna")


#: The operations, each with a run that is under way where it can meet one.
OPERATIONS: Final = (
    Operation("run", _sync, _change),
    Operation("approval", _approve, _all_leave),
    Operation("undo", _undo, _changed),
    Operation("edit", _called(_edit)),
    Operation("import", _called(_import)),
    Operation(
        "settings change",
        _called(lambda app: app.locations.put_mapping(FABRIKAM, _BERLIN, [GroupMapping(id=GROUPS[1])])),
        _sync,
    ),
    Operation("mode change", _called(lambda app: app.preferences.put(FABRIKAM, preferences(Mode.FULL))), _sync),
    Operation("deletion of a location", _called(lambda app: app.locations.delete(FABRIKAM, _BERLIN)), _sync),
)


@dataclass(frozen=True)
class Visit:
    """One visit of a point."""

    operation: str
    fault: Fault
    number: int
    violations: tuple[str, ...]


def visit(operation: Operation, fault: Fault) -> Iterator[Visit]:
    """Disturb an operation at each of its points in turn, and yield what did not hold."""
    number = 0
    while True:
        faults = FaultAt(fault, number)
        history = History(number % 7, faults, actions=0)
        history.begin()
        operation.arrange(history)
        faults.enabled = True
        operation.act(history)
        outcome = history.finish()
        if not faults.happened:
            return
        yield Visit(operation.name, fault, number, tuple(outcome.violations))
        number += 1
