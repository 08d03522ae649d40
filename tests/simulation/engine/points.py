"""Every point at which a worker can die or an answer can be lost, in the operations that write: each is visited.

The points are counted first, in an undisturbed history that numbers the calls of the operation. Each of them then gets
a history of its own, which has visited it only if the fault happened at the call that was counted.
"""

import io
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from shared.bootstrap import App
from shared.domain.ids import MAIN, LocationId, recipient_id_of
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.preferences.preferences import Mode
from shared.domain.run import RunMode, RunState
from tests.simulation.engine import run_actions
from tests.simulation.engine.cluster import FABRIKAM, GROUPS, PEOPLE, preferences
from tests.simulation.engine.faults import Fault, FaultAt, Plan, Recording
from tests.simulation.engine.history import History, Outcome
from tests.simulation.engine.requests import BY, form_of, upload
from tests.support.builders import BACK_END, person, user

_BERLIN: Final = LocationId("berlin")
#: The faults of each call.
CRASHES: Final = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)
#: The faults of each call that writes.
LOST_ANSWERS: Final = (Fault.RETRIED, Fault.LOST)


@dataclass(frozen=True)
class Operation:
    """Something that is disturbed at each of its points, after a quiet beginning, while the watchdog looks."""

    name: str
    act: Callable[[History], None]
    arrange: Callable[[History], None] = lambda history: None


def _called(do: Callable[[App], Coroutine[Any, Any, object]]) -> Callable[[History], None]:
    def act(history: History) -> None:
        history.stage.call("the operation", do)

    return act


def _change(history: History) -> None:
    directory = history.cluster.directory(FABRIKAM)
    directory.put(user(1, department="Moved"))
    directory.members[GROUPS[0]].remove(person(0))
    directory.members[GROUPS[1]].append(person(1))
    history.moved(FABRIKAM)


def _sync(history: History) -> None:
    history.stage.call("POST runs", lambda app: app.request_run(FABRIKAM, RunMode.INCREMENTAL, BY))


def _all_leave(history: History) -> None:
    history.cluster.directory(FABRIKAM).members[GROUPS[0]].clear()
    history.moved(FABRIKAM)
    _sync(history)
    history.until_quiet()


def _approve(history: History) -> None:
    held = next(run for run in history.stage.runs(FABRIKAM) if run.state is RunState.HELD)
    digest = held.held_digest or ""
    history.stage.call("approve", lambda app: app.review_held.approve(FABRIKAM, held.id, digest, BY))


def _changed(history: History) -> None:
    _change(history)
    _sync(history)
    history.until_quiet()


def _undo(history: History) -> None:
    run = history.stage.runs(FABRIKAM)[0]
    history.stage.call("undo", lambda app: app.undo(FABRIKAM, run.id, BY))


async def _edit(app: App) -> object:
    recipient = recipient_id_of(MAIN, person(2))
    return await app.edit_recipient(FABRIKAM, _BERLIN, recipient, {"department": "Edited"}, active=None, by=BY)


async def _import(app: App) -> object:
    text = "mail,department\n" + "".join(f"user{number}@example.com,IT\n" for number in range(PEOPLE + 4))
    return await app.import_csv(FABRIKAM, _BERLIN, io.BytesIO(text.encode()), ImportMode.MERGE, "", BY)


async def _upload(app: App) -> object:
    rows = b"".join(b"user%d@example.com,IT\n" % number for number in range(PEOPLE + 4))
    return await upload(app, FABRIKAM, _BERLIN, ImportMode.MERGE, (b"mail,department\n", rows))


def _rotate(history: History) -> None:
    directory = history.cluster.directory(FABRIKAM)
    directory.secret = "the-next-secret"
    form = form_of(directory)
    history.stage.configure(FABRIKAM, "rotate", lambda app: app.connect.connect(FABRIKAM, form, BACK_END))


def _delete_tenant(history: History) -> None:
    history.stage.host.call(
        "delete the tenant", lambda app: app.tenants.delete(FABRIKAM), lambda: history.stage.deleted(FABRIKAM)
    )


#: The operations, each with a run that is under way where it can meet one.
OPERATIONS: Final = (
    Operation("run", _sync, _change),
    Operation("approval", _approve, _all_leave),
    Operation("undo", _undo, _changed),
    Operation("edit", _called(_edit)),
    Operation("import", _called(_import)),
    Operation("upload", _called(_upload)),
    Operation(
        "settings change",
        _called(lambda app: app.locations.put_mapping(FABRIKAM, _BERLIN, [GroupMapping(id=GROUPS[1])])),
        _sync,
    ),
    Operation("mode change", _called(lambda app: app.preferences.put(FABRIKAM, preferences(Mode.FULL))), _sync),
    Operation("another secret", _rotate, _sync),
    Operation("disconnection", _called(lambda app: app.connect.disconnect(FABRIKAM)), _sync),
    Operation("deletion of a location", _called(lambda app: app.locations.delete(FABRIKAM, _BERLIN)), _sync),
    Operation("deletion of a tenant", _delete_tenant, _sync),
)

#: The seed of all histories here.
_SEED: Final = 1


@dataclass(frozen=True)
class Point:
    """The n-th call of an operation, from 0, and how it fails."""

    operation: Operation
    fault: Fault
    number: int
    #: What the call is.
    label: str


def recorded(operation: Operation) -> tuple[Outcome, list[Point]]:
    """Return an undisturbed history of an operation, and the points in it."""
    recording = Recording()
    outcome = _disturbed(operation, recording)
    return outcome, [
        Point(operation, fault, number, label)
        for number, (label, writes) in enumerate(recording.calls)
        for fault in ((*CRASHES, *LOST_ANSWERS) if writes else CRASHES)
    ]


def visit(point: Point) -> tuple[Outcome, bool]:
    """Disturb an operation at a point. Return the history, and whether it came to this point."""
    faults = FaultAt(point.fault, point.number)
    outcome = _disturbed(point.operation, faults)
    return outcome, bool(faults.happened) and faults.label == point.label


def _disturbed(operation: Operation, faults: Plan) -> Outcome:
    history = History(_SEED, faults, deliveries=0)
    history.begin()
    history.host.faulty = False
    operation.arrange(history)
    faults.enabled = True
    operation.act(history)
    run_actions.watch(history.stage)
    return history.finish()
