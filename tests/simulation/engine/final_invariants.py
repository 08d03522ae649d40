"""The invariants of docs/reference/invariants.md that hold once a history has become quiet."""

from collections import defaultdict

from shared.adapters.stores import keys
from shared.adapters.stores.table_names import ALL_TABLES, AUDIT, RECIPIENTS, UPLOADS
from shared.adapters.tables.packing import unpack
from shared.domain.connections.connection import entry_name, first_entry_name
from shared.domain.ids import LocationId, RunId, TenantId
from shared.domain.preferences.preferences import Mode
from shared.domain.recipient import Counts, Origin, Status
from shared.domain.reconcile.fence import JournalEntry
from tests.simulation.engine.cluster import Cluster, listed, ran


class FinalInvariants:
    """Compares what is stored with what would have been right."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        #: What did not hold: the number of the invariant, and what was found.
        self.violations: list[str] = []

    def i3_completeness(self, tenant: TenantId) -> None:
        """Every person in scope is an active recipient exactly once, and no other person is one by the directory."""
        view, directory = self._cluster.view, self._cluster.directory(tenant)
        preferences = ran(view.settings.get_preferences(tenant))
        for location in ran(view.settings.list_locations(tenant)):
            inside = {person.id for person in directory.people.values() if person.active}
            if preferences.mode is not Mode.FULL:
                inside &= {member for group in location.groups for member in directory.members.get(group.id, [])}
            recipients = listed(view.recipients.list_recipients(tenant, location.id))
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
        runs = listed(view.runs.list_runs(tenant))
        open_runs = [run.id for run in runs if not run.state.ended]
        self._require(not open_runs, "I6", f"runs of {tenant} have not ended: {open_runs}")
        state = ran(view.sync_states.get(tenant)).value
        self._require(not state.is_busy, "I6", f"{tenant} is busy: {state}")

    def i6_erasures(self) -> None:
        """Every erasure of a person has ended."""
        left = [erasure.id for erasure in listed(self._cluster.view.erasures.list_erasures())]
        self._require(not left, "I6", f"erasures have not ended: {left}")

    def running_imports(self, tenant: TenantId) -> list[str]:
        """Return the imports of a tenant that were started and have not ended."""
        marks = listed(self._cluster.view.imports.list_imports(tenant))
        return [mark.ref.id for mark in marks if mark.state.is_running]

    def i6_imports(self, tenant: TenantId) -> None:
        """Every import that was started has ended."""
        left = self.running_imports(tenant)
        self._require(not left, "I6", f"imports of {tenant} have not ended: {left}")

    def i6_queues(self) -> None:
        """All queues are empty."""
        broker = self._cluster.broker
        left = [message.text for message in (*broker.messages, *broker.poison)]
        self._require(not left, "I6", f"messages are left: {left}")

    def i6_staged(self, tenant: TenantId) -> None:
        """No part of an upload is left whose import has ended."""
        open_ = {mark.ref for mark in listed(self._cluster.view.imports.list_imports(tenant)) if mark.state.has_file}
        kept = {keys.upload(ref) for ref in open_}
        left = {
            partition
            for partition in self._cluster.tables.partitions(UPLOADS)
            if partition.startswith(f"{tenant}:") and partition not in kept
        }
        self._require(not left, "I6", f"parts are left of {sorted(left)}")

    def i15_erasure(self, tenant: TenantId) -> None:
        """Nothing is left of a tenant that was deleted, but what was recorded of changes to it."""
        left = [
            f"{table} {partition}"
            for table in sorted({*ALL_TABLES} - {AUDIT})
            for partition in self._cluster.tables.partitions(table)
            if partition == tenant or partition.startswith(f"{tenant}:")
        ]
        self._require(not left, "I15", f"{tenant} was deleted, and left {left}")
        names = first_entry_name(tenant), entry_name(tenant, "")
        secrets = [name for name in self._cluster.vault.names() if name.startswith(names)]
        self._require(not secrets, "I15", f"{tenant} was deleted, and left {secrets}")

    def i14_history(self, tenant: TenantId) -> None:
        """Every change is in the history, with the counts of its journal."""
        view = self._cluster.view
        known = {run.id: run for run in listed(view.runs.list_runs(tenant))}
        for location in ran(view.settings.list_locations(tenant)):
            journals: defaultdict[RunId, Counts] = defaultdict(Counts)
            for entry in self._journals(tenant, location.id):
                journals[entry.run] += Counts.of(list(entry.changes))
            for run, counts in journals.items():
                self._require(run in known, "I14", f"{run} of {tenant} changed {location.id} and is not in the history")
                if run not in known:
                    continue
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
        return [unpack(row, JournalEntry) for row in listed(rows)]

    def _require(self, holds: bool, number: str, what: str) -> None:  # noqa: FBT001 - the condition
        if not holds:
            self.violations.append(f"{number}: {what}")
