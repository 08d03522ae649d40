"""The invariants of docs/reference/invariants.md, by their numbers.

Safety is checked with each write. `final_invariants` has those that hold after the history has become quiet.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, Final

from shared.adapters.stores import keys
from shared.adapters.stores.table_names import (
    JOBS,
    LOCATIONS,
    RECIPIENTS,
    RUNS,
    SNAPSHOTS,
    TENANTS,
)
from shared.adapters.tables.packing import unpack
from shared.domain.ids import LocationId, ObjectId, RunId, TenantId
from shared.domain.preferences.preferences import Mode
from shared.domain.recipient import ChangeKind, Origin
from shared.domain.reconcile.fence import Fence, JournalEntry
from shared.domain.run import Plan
from shared.errors import NotFound
from tests.simulation.engine.cluster import Cluster, ran
from tests.simulation.engine.life_invariants import LifeInvariants, key_of

#: Tables whose partitions belong to one tenant each.
_OF_TENANTS: Final = frozenset({RECIPIENTS, SNAPSHOTS, JOBS, RUNS, LOCATIONS})
_SETTINGS: Final = frozenset({"preferences", "connection"})
#: Later than any step.
_NOW: Final = 1 << 60


class Invariants(LifeInvariants):
    """Watches what is written, and knows what would have been right."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._tokens: dict[str, int] = {}
        #: Step of the first row of a run's plan, and the plan once it was needed.
        self._planned: dict[tuple[str, str], int] = {}
        self._plans: dict[tuple[str, str], Plan] = {}
        #: By tenant and life: config version that is stored when a request that changes the configuration has returned.
        self._returned: dict[tuple[str, int], int] = {}
        #: Tenants whose pause has returned, and how many lives of each had ended then.
        self._paused: dict[str, int] = {}
        #: How many lives of a tenant had ended when a request returned that deletes it, and when a run was planned.
        self._deletions: dict[str, int] = {}
        self._life_of: dict[tuple[str, str], int] = {}
        #: Last step at which a person was not to be at a location.
        self._absent: defaultdict[tuple[str, str, ObjectId], int] = defaultdict(lambda: _NOW)
        self._unread: set[str] = set()
        cluster.tables.watchers.append(self._watch)

    # What happens --------------------------------------------------------------------------------------------------

    def moved(self, tenant: TenantId) -> None:
        """Note that a directory changed."""
        self._note(tenant)

    def configured(self, tenant: TenantId) -> None:
        """Note that a request has returned that changes the configuration of a tenant.

        While another change is under way, the stored version is that of a request that has not returned. The
        state that a deleted tenant has left is not that of the next one.
        """
        if tenant not in self._existing:
            return
        state = ran(self._cluster.view.sync_states.get(tenant)).value
        if state.change is None:
            life = tenant, self._cluster.lives[tenant]
            self._returned[life] = max(self._returned.get(life, 0), state.config_version)

    def deleted(self, tenant: TenantId) -> None:
        """Note that a request has returned that deletes a tenant."""
        self._deletions[tenant] = self._cluster.lives[tenant]

    def paused(self, tenant: TenantId) -> None:
        """Note that a pause of a tenant has returned."""
        self._paused[tenant] = self._cluster.lives[tenant]

    def resuming(self, tenant: TenantId) -> None:
        """Note that a tenant is about to be resumed."""
        self._paused.pop(tenant, None)

    def after_step(self) -> None:
        """Note changes of settings that were stored by the last step."""
        while self._unread:
            tenant = self._unread.pop()
            if tenant in self._cluster.tenants:
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
        self._watch_lives(table, partition, operations)
        if table in _OF_TENANTS:
            self._i8_isolation(table, tenant)
        if table == RECIPIENTS:
            self._recipients(partition, operations)
        elif table == JOBS and key_of(operations[0][1]).partition("!")[0] == keys.PLAN:
            run = partition.partition(":")[2]
            self._planned.setdefault((tenant, run), self._cluster.scheduler.steps)
            self._life_of.setdefault((tenant, run), self._cluster.lives[tenant])
        elif table == LOCATIONS or (table == TENANTS and key_of(operations[0][1]) in _SETTINGS):
            self._unread.add(tenant)

    def _recipients(self, partition: str, operations: Sequence[Any]) -> None:
        tenant, _, location = partition.partition(":")
        kinds = {key_of(row): kind for kind, row, *_ in operations}
        fence = kinds.get(keys.FENCE)
        people = [name for name in kinds if keys.RECIPIENTS[0] <= name < keys.RECIPIENTS[1]]
        if people:
            self._i7_paused(TenantId(tenant), LocationId(location))
        if fence == "delete":
            self._tokens.pop(partition, None)
        if fence is None or fence == "delete":
            if people or fence is not None:
                self._i1_deletion(tenant, location, kinds.values())
            return
        self._i1_fence(partition, operations)
        if len(operations) > 1 and key_of(operations[1][1]).startswith(keys.JOURNALS[0]):
            entry = unpack(operations[1][1], JournalEntry)
            self._i14_journal(entry, [operation for operation in operations[2:] if operation[0] != "delete"])
            if entry.actor == "sync":
                self._i2_deactivation(tenant, location, entry)
                self._i5_ownership(entry)
                self._i7_off_is_off(TenantId(tenant), entry.run)

    # Safety --------------------------------------------------------------------------------------------------------

    def _i1_fence(self, partition: str, operations: Sequence[Any]) -> None:
        """The token of a fence never decreases."""
        row = operations[0][1]
        token = unpack(row, Fence).fencing_token
        self._require(token >= self._tokens.get(partition, 0), "I1", f"the fence of {partition} fell to {token}")
        self._tokens[partition] = token

    def _i1_deletion(self, tenant: str, location: str, kinds: Collection[str]) -> None:
        """Without replacing the fence, recipients are only deleted, with their location or tenant."""
        deletes = set(kinds) == {"delete"}
        self._require(
            deletes and self._is_deleted(tenant, location), "I1", f"a batch for {tenant}:{location} without its fence"
        )

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
        life = self._life_of.get((tenant, run), 0)
        self._require(life >= self._deletions.get(tenant, 0), "I7", f"{run} wrote for {tenant}, which was deleted")
        plan = self._plan(tenant, run)
        if plan is not None:
            self._require(not plan.preview, "I7", f"the preview {run} wrote")
            current = self._returned.get((tenant, life), 0)
            self._require(
                plan.config_version >= current, "I7", f"{run} wrote by version {plan.config_version} of {current}"
            )

    def _i7_paused(self, tenant: TenantId, location: LocationId) -> None:
        """Nothing is written to recipients once a pause has returned, until they are resumed, except deleted ones.

        A tenant that is created again is not paused.
        """
        if self._paused.get(tenant) == self._cluster.lives[tenant]:
            is_deleted = self._is_deleted(tenant, location)
            self._require(is_deleted, "I7", f"{location} of {tenant} was written during a pause")

    def _i8_isolation(self, table: str, tenant: str) -> None:
        """A message of one tenant does not write rows of another."""
        wanted = self._cluster.working_for.get()
        self._require(wanted in {None, tenant}, "I8", f"a message of {wanted} wrote {table} of {tenant}")

    def _i14_journal(self, entry: JournalEntry, rows: Sequence[Any]) -> None:
        """Every recipient that a batch writes is in the journal of that batch."""
        written = {key_of(row).removeprefix(keys.RECIPIENTS[0]) for _, row, *_ in rows}
        named = {change.recipient for change in entry.changes}
        self._require(written <= named, "I14", f"not in the journal: {sorted(written - named)}")

    def _plan(self, tenant: TenantId, run: RunId) -> Plan | None:
        if (tenant, run) not in self._plans:
            try:
                self._plans[tenant, run] = ran(self._cluster.view.runs.get_plan(tenant, run))
            except NotFound:
                return None
        return self._plans[tenant, run]
