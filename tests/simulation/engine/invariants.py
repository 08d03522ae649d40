"""The invariants of docs/reference/invariants.md, by their numbers.

Safety is checked with each write, liveness and the rest after the history has become quiet.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.adapters.stores import keys
from shared.adapters.stores.table_names import JOBS, LOCATIONS, RECIPIENTS, RUNS, SNAPSHOTS, TENANTS
from shared.adapters.tables.edm import EncodedRow
from shared.adapters.tables.packing import unpack
from shared.domain.ids import LocationId, ObjectId, RunId, TenantId
from shared.domain.preferences.preferences import Mode
from shared.domain.recipient import ChangeKind, Counts, Origin, Status
from shared.domain.reconcile.fence import Fence, JournalEntry
from shared.domain.run import Plan
from shared.errors import NotFound
from tests.simulation.engine.cluster import TENANTS as ALL_TENANTS
from tests.simulation.engine.cluster import Cluster, ran

#: Tables whose partitions belong to one tenant each.
_OF_TENANTS: Final = frozenset({RECIPIENTS, SNAPSHOTS, JOBS, RUNS, LOCATIONS})
_SETTINGS: Final = frozenset({"preferences", "connection"})
#: Later than any step.
_NOW: Final = 1 << 60

Place = tuple[str, str]


class Invariants:
    """Watches what is written, and knows what would have been right."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._tokens: dict[str, int] = {}
        #: Step of the first row of a run's plan, and the plan once it was needed.
        self._planned: dict[tuple[str, str], int] = {}
        self._plans: dict[tuple[str, str], Plan] = {}
        #: Config version that is stored when a request that changes the configuration has returned.
        self._returned: dict[TenantId, int] = {}
        self._paused: set[str] = set()
        #: Last step at which a person was not to be at a location.
        self._absent: defaultdict[tuple[str, str, ObjectId], int] = defaultdict(lambda: _NOW)
        #: Locations that were deleted, with their journals.
        self.deleted: set[Place] = set()
        self._unread: set[str] = set()
        cluster.tables.watchers.append(self._watch)
        self.violations: list[str] = []

    # What happens --------------------------------------------------------------------------------------------------

    def moved(self, tenant: TenantId) -> None:
        """Note that a directory changed."""
        self._note(tenant)

    def configured(self, tenant: TenantId) -> None:
        """Note that a request has returned that changes the configuration of a tenant."""
        state = ran(self._cluster.view.sync_states.get(tenant)).value
        self._returned[tenant] = max(self._returned.get(tenant, 0), state.config_version)

    def paused(self, tenant: TenantId) -> None:
        """Note that a pause of a tenant has returned."""
        self._paused.add(tenant)

    def resuming(self, tenant: TenantId) -> None:
        """Note that a tenant is about to be resumed."""
        self._paused.discard(tenant)

    def after_step(self) -> None:
        """Note changes of settings that were stored by the last step."""
        while self._unread:
            tenant = self._unread.pop()
            if tenant in ALL_TENANTS:
                self._note(TenantId(tenant))

    def _note(self, tenant: TenantId) -> None:
        view, directory, step = self._cluster.view, self._cluster.directory(tenant), self._cluster.scheduler.steps
        full = ran(view.settings.get_preferences(tenant)).mode is Mode.FULL
        for location in ran(view.settings.list_locations(tenant)):
            inside = set(directory.people)
            if not full:
                inside = {member for group in location.groups for member in directory.members.get(group.id, [])}
            for one in {*inside, *directory.people}:
                person, key = directory.people.get(one), (tenant, location.id, one)
                if person is None or not person.active or one not in inside:
                    self._absent[key] = _NOW
                elif self._absent[key] == _NOW:
                    self._absent[key] = step
        for gone in [known for known in self._absent if known[0] == tenant and known[2] not in directory.people]:
            self._absent[gone] = _NOW

    def _watch(self, table: str, partition: str, operations: Sequence[Any]) -> None:
        tenant = partition.partition(":")[0]
        if table in _OF_TENANTS:
            self._i8_isolation(table, tenant)
        if table == RECIPIENTS:
            self._recipients(partition, operations)
        elif table == JOBS and _key(operations[0][1]).partition("!")[0] == keys.PLAN:
            run = partition.partition(":")[2]
            self._planned.setdefault((tenant, run), self._cluster.scheduler.steps)
        elif table == LOCATIONS or (table == TENANTS and _key(operations[0][1]) in _SETTINGS):
            self._unread.add(tenant)

    def _recipients(self, partition: str, operations: Sequence[Any]) -> None:
        tenant, _, location = partition.partition(":")
        kinds = [kind for kind, *_ in operations]
        if "delete" in kinds or len(operations) > 1:
            self._i7_paused(tenant, location)
        if keys.FENCE in {_key(row) for kind, row, *_ in operations if kind == "delete"}:
            self._tokens.pop(partition, None)
            self.deleted.add((tenant, location))
            return
        if "delete" in kinds:  # of old journals, of the rest of a location, or of recipients under the fence
            if "update" in kinds:
                self._i1_fence(partition, operations)
            return
        self._i1_fence(partition, operations)
        if len(operations) > 1:
            entry = unpack(operations[1][1], JournalEntry)
            self._i14_journal(entry, operations[2:])
            if entry.actor == "sync":
                self._i2_deactivation(tenant, location, entry)
                self._i5_ownership(entry)
                self._i7_off_is_off(TenantId(tenant), entry.run)

    # Safety --------------------------------------------------------------------------------------------------------

    def _i1_fence(self, partition: str, operations: Sequence[Any]) -> None:
        """Every batch of recipients replaces the fence, whose token never decreases."""
        row = operations[0][1]
        self._require(_key(row) == keys.FENCE, "I1", f"a batch for {partition} without its fence")
        token = unpack(row, Fence).fencing_token
        self._require(token >= self._tokens.get(partition, 0), "I1", f"the fence of {partition} fell to {token}")
        self._tokens[partition] = token

    def _i2_deactivation(self, tenant: str, location: str, entry: JournalEntry) -> None:
        """A sync deactivates only people who were not to be there at some moment since its plan."""
        planned = self._planned.get((tenant, entry.run), 0)
        for change in entry.changes:
            if change.kind is ChangeKind.DEACTIVATED and change.object_id is not None:
                last = self._absent[tenant, location, change.object_id]
                self._require(
                    last >= planned, "I2", f"{change.display_name} was deactivated at {location}, and was there"
                )

    def _i5_ownership(self, entry: JournalEntry) -> None:
        """A sync deactivates only recipients that a directory created."""
        for change in entry.changes:
            if change.kind is ChangeKind.DEACTIVATED and change.before is not None:
                self._require(change.before.origin is Origin.DIRECTORY, "I5", f"{change.recipient} was deactivated")

    def _i7_off_is_off(self, tenant: TenantId, run: RunId) -> None:
        """A sync does not write by a configuration that was changed, once the change has returned."""
        plan = self._plan(tenant, run)
        if plan is not None:
            current = self._returned.get(tenant, 0)
            self._require(
                plan.config_version >= current, "I7", f"{run} wrote by version {plan.config_version} of {current}"
            )

    def _i7_paused(self, tenant: str, location: str) -> None:
        """Nothing is written to recipients once a pause has returned, until they are resumed."""
        self._require(tenant not in self._paused, "I7", f"{location} of {tenant} was written during a pause")

    def _i8_isolation(self, table: str, tenant: str) -> None:
        """A message of one tenant does not write rows of another."""
        wanted = self._cluster.working_for.get()
        self._require(wanted in {None, tenant}, "I8", f"a message of {wanted} wrote {table} of {tenant}")

    def _i14_journal(self, entry: JournalEntry, rows: Sequence[Any]) -> None:
        """Every recipient that a batch writes is in the journal of that batch."""
        written = {_key(row).removeprefix(keys.RECIPIENTS[0]) for _, row, *_ in rows}
        named = {change.recipient for change in entry.changes}
        self._require(written <= named, "I14", f"not in the journal: {sorted(written - named)}")

    # After a quiet suffix ------------------------------------------------------------------------------------------

    def i3_completeness(self, tenant: TenantId) -> None:
        """Every person in scope is an active recipient exactly once, and no other person is one by the directory."""
        view, directory = self._cluster.view, self._cluster.directory(tenant)
        preferences = ran(view.settings.get_preferences(tenant))
        for location in ran(view.settings.list_locations(tenant)):
            inside = {person.id for person in directory.people.values() if person.active}
            if preferences.mode is not Mode.FULL:
                inside &= {member for group in location.groups for member in directory.members.get(group.id, [])}
            recipients = ran(_listed(view.recipients.list_recipients(tenant, location.id)))
            known = [each.object_id for each in recipients if each.object_id is not None]
            self._require(len(known) == len(set(known)), "I3", f"a person twice at {tenant} {location.id}")
            by_hand = {each.object_id for each in recipients if each.status is Status.DEACTIVATED_MANUALLY}
            active = {each.object_id for each in recipients if each.status is Status.ACTIVE and each.object_id}
            owned = {each.object_id for each in recipients if each.origin is not Origin.DIRECTORY}
            addresses = {each.profile.mail for each in recipients if each.origin is not Origin.DIRECTORY}
            apart = {one for one in inside if directory.people[one].mail in addresses}
            missing = inside - active - by_hand - apart
            self._require(not missing, "I3", f"missing at {tenant} {location.id}: {sorted(missing)}")
            if preferences.deactivate_missing:
                extra = active - inside - owned
                self._require(not extra, "I3", f"too many at {tenant} {location.id}: {sorted(extra)}")

    def i4_idempotence(self, counts: Counts) -> None:
        """A run over an unchanged directory writes nothing."""
        changed = counts.created + counts.updated + counts.deactivated + counts.reactivated
        self._require(changed == 0, "I4", f"an unchanged directory caused {counts}")

    def i6_progress(self, tenant: TenantId) -> None:
        """Every run has ended, and nothing of the tenant waits."""
        view = self._cluster.view
        runs = ran(_listed(view.runs.list_runs(tenant)))
        open_runs = [run.id for run in runs if not run.state.ended]
        self._require(not open_runs, "I6", f"runs of {tenant} have not ended: {open_runs}")
        state = ran(view.sync_states.get(tenant)).value
        self._require(not state.is_busy, "I6", f"{tenant} is busy: {state}")

    def i6_queues(self) -> None:
        """All queues are empty."""
        broker = self._cluster.broker
        left = [message.text for message in (*broker.messages, *broker.poison)]
        self._require(not left, "I6", f"messages are left: {left}")

    def i14_history(self, tenant: TenantId) -> None:
        """Every change is in the history, with the counts of its journal."""
        view = self._cluster.view
        known = {run.id: run for run in ran(_listed(view.runs.list_runs(tenant)))}
        for location in ran(view.settings.list_locations(tenant)):
            if (tenant, location.id) in self.deleted:
                continue
            journals: defaultdict[RunId, Counts] = defaultdict(Counts)
            for entry in self._journals(tenant, location.id):
                journals[entry.run] += Counts.of(list(entry.changes))
            for run, counts in journals.items():
                self._require(run in known, "I14", f"{run} of {tenant} changed {location.id} and is not in the history")
                report = known[run].locations.get(location.id)
                shown = report.counts if report else Counts()
                for name in ("created", "updated", "deactivated", "reactivated"):
                    written, reported = getattr(counts, name), getattr(shown, name)
                    self._require(
                        written == reported,
                        "I14",
                        f"{known[run].kind.value} {run} of {tenant} ({known[run].state.value}) {name} {written} at "
                        f"{location.id}, and reports {reported}",
                    )

    def _journals(self, tenant: TenantId, location: LocationId) -> list[JournalEntry]:
        rows = self._cluster.tables.query(RECIPIENTS, partition=keys.location(tenant, location), rows=keys.JOURNALS)
        return [unpack(row, JournalEntry) for row in ran(_listed(rows))]

    def _plan(self, tenant: TenantId, run: RunId) -> Plan | None:
        if (tenant, run) not in self._plans:
            try:
                self._plans[tenant, run] = ran(self._cluster.view.runs.get_plan(tenant, run))
            except NotFound:
                return None
        return self._plans[tenant, run]

    def _require(self, holds: bool, number: str, what: str) -> None:  # noqa: FBT001 - the condition
        if not holds:
            self.violations.append(f"{number}: {what}")


def _key(row: Mapping[str, Any] | EncodedRow) -> str:
    return row.key if isinstance(row, EncodedRow) else str(row["RowKey"])


async def _listed(items: Any) -> list[Any]:  # noqa: ANN401 - any iterator
    return [item async for item in items]
