"""What people, operators and directories do in a history."""

import io
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import msgspec

from shared.bootstrap import App
from shared.domain.connections.entra.credential_form import CredentialForm
from shared.domain.directory import InactiveReason
from shared.domain.ids import MAIN, LocationId, TenantId, recipient_id_of
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.preferences.preferences import Mode
from shared.domain.run import RunMode, RunState
from shared.domain.sync.jobs import SyncRequest
from shared.domain.sync.queue_messages import encode
from shared.telemetry import RequestCounters
from tests.simulation.engine.cluster import GROUPS, LOCATIONS, PEOPLE, Cluster, ran
from tests.simulation.engine.host import Host
from tests.support.builders import BACK_END, person, user

Do = Callable[[App], Coroutine[Any, Any, object]]

_BY: Final = "anna"


class Actions:
    """Chooses the next action of a history, and starts it."""

    def __init__(self, cluster: Cluster, host: Host, chance: random.Random, tenants: Sequence[TenantId]) -> None:
        self._cluster = cluster
        self._host = host
        self._random = chance
        self._tenants = tenants
        self._number = 0
        #: Called when a request returned that changes the configuration of a tenant.
        self.configured: Callable[[TenantId], None] = lambda tenant: None
        #: Called when a directory changed.
        self.moved: Callable[[TenantId], None] = lambda tenant: None
        #: Called when a pause of a tenant returned, and before it is resumed.
        self.paused: Callable[[TenantId], None] = lambda tenant: None
        self.resuming: Callable[[TenantId], None] = lambda tenant: None
        #: Whether the pause of a tenant has returned.
        self._pauses: dict[TenantId, bool] = {}
        self._kinds: dict[Callable[[TenantId], None], float] = {
            self.change_directory: 8,
            self.request: 5,
            self.send_message: 2,
            self.tick: 1,
            self.watch: 2,
            self.map: 2,
            self.prefer: 2,
            self.import_file: 2,
            self.edit: 2,
            self.undo: 1,
            self.decide: 1,
            self.recreate_location: 1,
            self.reconnect: 1.5,
            self.disconnect: 0.2,
            self.pause: 1,
        }

    def next(self) -> None:
        """Do one of them for a tenant."""
        (kind,) = self._random.choices(list(self._kinds), list(self._kinds.values()))
        kind(self._random.choice(self._tenants))

    def change_directory(self, tenant: TenantId) -> None:
        """Let a person join, change, leave a group, be disabled or be deleted."""
        directory, number = self._cluster.directory(tenant), self._random.randrange(PEOPLE + 2)
        one = person(number)
        group = directory.members.setdefault(self._random.choice(GROUPS), [])
        what = self._random.choice(["put", "put", "disable", "remove", "move"])
        if what == "remove" and one in directory.people:
            directory.remove(one)
        elif what == "move" and one in directory.people:
            group.remove(one) if one in group else group.append(one)
        else:
            disabled = InactiveReason.DISABLED if what == "disable" else None
            directory.put(user(number, department=self._random.choice(["IT", "HR", None]), inactive=disabled))
        self._host.scheduler.trace.append(f"{tenant}'s directory: {what} {number}")
        self.moved(tenant)

    def request(self, tenant: TenantId) -> None:
        """Request a run through the API."""
        mode = self._random.choice([RunMode.INCREMENTAL, RunMode.INCREMENTAL, RunMode.FULL])
        self._call(f"POST runs {tenant} {mode}", lambda app: app.request_run(tenant, mode, _BY))

    def send_message(self, tenant: TenantId) -> None:
        """Put a message on the queue of requests."""
        self._number += 1
        job = SyncRequest(
            tenant=tenant, mode=RunMode.INCREMENTAL, request=f"by hand {self._number}", requested_by="queue"
        )
        self._cluster.broker.add(job.queue, encode(job), self._host.scheduler.loop.time())

    def tick(self, tenant: TenantId) -> None:
        """Fire the timer of the schedule."""
        del tenant
        at = self._host.instances[0].actor.now()
        self._call("the schedule", lambda app: app.schedule(at))

    def watch(self, tenant: TenantId | None = None) -> None:
        """Fire the timer of the watchdog."""
        del tenant

        async def watchdog(app: App) -> None:
            await app.watchdog(RequestCounters())
            await app.dead_letters.collect(RequestCounters())

        self._call("the watchdog", watchdog)

    def map(self, tenant: TenantId) -> None:
        """Change which groups feed a location."""
        location = self._location()
        groups = [GroupMapping(id=group) for group in self._random.sample(GROUPS, self._random.randint(1, 2))]
        self._configure(
            tenant, f"PUT mapping {location}", lambda app: app.locations.put_mapping(tenant, location, groups)
        )

    def prefer(self, tenant: TenantId) -> None:
        """Change the mode, or whether people are deactivated."""
        stored = ran(self._cluster.view.settings.get_preferences(tenant))
        if self._random.random() < 0.5:
            changed = msgspec.structs.replace(stored, mode=Mode.FULL if stored.mode is Mode.GROUPS else Mode.GROUPS)
        else:
            changed = msgspec.structs.replace(stored, deactivate_missing=not stored.deactivate_missing)
        self._configure(tenant, "PUT preferences", lambda app: app.preferences.put(tenant, changed))

    def import_file(self, tenant: TenantId) -> None:
        """Import some rows into a location."""
        location = self._location()
        numbers = self._random.sample(range(PEOPLE + 4), 3)
        text = "mail,department\n" + "".join(f"user{n}@example.com,Dept {self._random.randrange(3)}\n" for n in numbers)

        def do(app: App) -> Coroutine[Any, Any, object]:
            return app.import_csv(tenant, location, io.BytesIO(text.encode()), ImportMode.MERGE, "", _BY)

        self._call(f"import into {tenant} {location}", do)

    def edit(self, tenant: TenantId) -> None:
        """Edit a recipient, or deactivate or reactivate one."""
        location, number = self._location(), self._random.randrange(PEOPLE)
        active = self._random.choice([None, True, False])
        fields = {} if active is not None else {"department": f"Edited {self._number}"}
        self._number += 1

        def do(app: App) -> Coroutine[Any, Any, object]:
            recipient = recipient_id_of(MAIN, person(number))
            return app.edit_recipient(tenant, location, recipient, fields, active=active, by=_BY)

        self._call(f"PATCH {tenant} {location} {number} {active}", do)

    def undo(self, tenant: TenantId) -> None:
        """Undo one of the last runs."""
        runs = self._runs(tenant)[:3]
        if runs:
            run = self._random.choice(runs)
            self._call(f"undo {tenant} {run.id}", lambda app: app.undo(tenant, run.id, _BY))

    def decide(self, tenant: TenantId) -> None:
        """Approve or reject what a run holds."""
        held = [run for run in self._runs(tenant) if run.state is RunState.HELD]
        if held and held[0].held_digest:
            run, digest = held[0], held[0].held_digest
            if self._random.random() < 0.7:
                self._call(f"approve {run.id}", lambda app: app.review_held.approve(tenant, run.id, digest, _BY))
            else:
                self._call(f"reject {run.id}", lambda app: app.review_held.reject(tenant, run.id, _BY))

    def recreate_location(self, tenant: TenantId) -> None:
        """Delete a location, or create it again."""
        location = self._location()
        known = {each.id for each in ran(self._cluster.view.settings.list_locations(tenant))}
        if location in known and len(known) > 1:
            self._configure(tenant, f"DELETE {location}", lambda app: app.locations.delete(tenant, location))
        else:
            self._configure(tenant, f"PUT {location}", lambda app: app.locations.put(tenant, location, location))

    def reconnect(self, tenant: TenantId) -> None:
        """Enter the credentials again."""
        directory = self._cluster.directory(tenant)
        form = CredentialForm(
            tenant_id=directory.azure_tenant_id,
            client_id=directory.client_id,
            object_id=directory.object_id,
            client_secret=directory.secret,
        )
        self._configure(tenant, "PUT connection", lambda app: app.connect.connect(tenant, form, BACK_END))

    def disconnect(self, tenant: TenantId) -> None:
        """Switch the connection off."""
        self._configure(tenant, "DELETE connection", lambda app: app.connect.disconnect(tenant))

    def pause(self, tenant: TenantId) -> None:
        """Pause a tenant, or resume it."""
        if self._pauses.get(tenant):
            self.resume(tenant)
        elif tenant not in self._pauses:
            self._pauses[tenant] = False

            def returned() -> None:
                self._pauses[tenant] = True
                self.paused(tenant)

            self._host.call(f"POST pause {tenant}", lambda app: app.emergency_stop.pause(tenant, _BY), returned)

    def resume(self, tenant: TenantId) -> None:
        """Resume a tenant."""
        self._pauses[tenant] = False
        self.resuming(tenant)

        def returned() -> None:
            self._pauses.pop(tenant, None)

        self._host.call(f"POST resume {tenant}", lambda app: app.emergency_stop.resume(tenant, _BY), returned)

    def _location(self) -> LocationId:
        return LocationId(self._random.choice(LOCATIONS))

    def _runs(self, tenant: TenantId) -> list[Any]:
        async def listed() -> list[Any]:
            return [run async for run in self._cluster.view.runs.list_runs(tenant)]

        return ran(listed())

    def _call(self, label: str, do: Do) -> None:
        self._host.call(label, do, lambda: None)

    def _configure(self, tenant: TenantId, label: str, do: Do) -> None:
        self._host.call(f"{label} of {tenant}", do, lambda: self.configured(tenant))
