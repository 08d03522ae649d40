"""Wires the stages of a run."""

from functools import cached_property

from shared.bootstrap.tenants import TenantWiring
from shared.runtime.adaptive_timeout import SlowStartLimiter
from shared.runtime.bulkhead import Bulkhead
from shared.workflows.snapshots.cache import RecentResults
from shared.workflows.snapshots.merger import SnapshotMerger
from shared.workflows.snapshots.reader import SnapshotReader
from shared.workflows.sync.deactivate import Deactivate
from shared.workflows.sync.departure_check import DepartureCheck
from shared.workflows.sync.fetch import Fetch
from shared.workflows.sync.finish import RunCloser
from shared.workflows.sync.missing_group import MissingGroup
from shared.workflows.sync.reconcile import LARGE_AT_ONCE, Reconcile
from shared.workflows.sync.relinking import Relinking
from shared.workflows.sync.run_writer import RunWriter
from shared.workflows.sync.source_read import SourceRead
from shared.workflows.sync.withheld_check import WithheldCheck


class SyncWiring(TenantWiring):
    """Does the jobs of a run."""

    @cached_property
    def fetch(self) -> Fetch:
        """Reads one source into a snapshot."""
        ports = self.ports
        merger = SnapshotMerger(ports.snapshots, self.reader, ports.ids)
        return Fetch(
            runs=ports.runs,
            snapshots=ports.snapshots,
            access=self.access,
            stages=self.stages,
            closer=self.closer,
            queue=self.repeats,
            source_read=SourceRead(
                runs=ports.runs,
                snapshots=ports.snapshots,
                merger=merger,
                clock=ports.clock,
                ids=ports.ids,
                budget_s=self.settings.job_budget_s,
            ),
            withheld_check=WithheldCheck(snapshots=ports.snapshots),
            missing_group=MissingGroup(merger=merger, clock=ports.clock),
            clock=ports.clock,
            slow_starts=SlowStartLimiter(),
            deadline_s=self.settings.run_deadline_s,
        )

    @cached_property
    def reader(self) -> SnapshotReader:
        """Reads snapshots, with one cache for all jobs of the worker."""
        return SnapshotReader(self.ports.snapshots, RecentResults())

    @cached_property
    def run_writer(self) -> RunWriter:
        """Acquires fences for runs."""
        return RunWriter(
            runs=self.ports.runs,
            recipients=self.ports.recipients,
            stages=self.stages,
            changes=self.restart_on_change,
            ids=self.ports.ids,
        )

    @cached_property
    def reconcile(self) -> Reconcile:
        """Brings one location in line with its snapshots."""
        return Reconcile(
            runs=self.ports.runs,
            reader=self.reader,
            recipients=self.ports.recipients,
            writer=self.run_writer,
            stages=self.stages,
            closer=self.closer,
            queue=self.repeats,
            clock=self.ports.clock,
            large=Bulkhead(LARGE_AT_ONCE),
            budget_s=self.settings.job_budget_s,
        )

    @cached_property
    def deactivate(self) -> Deactivate:
        """Verifies a run's departures, and deactivates or holds them."""
        return Deactivate(
            runs=self.ports.runs,
            recipients=self.ports.recipients,
            writer=self.run_writer,
            recent_losses=self.recent_losses,
            departure_check=DepartureCheck(access=self.access, stages=self.stages, clock=self.ports.clock),
            relinking=Relinking(
                access=self.access,
                stages=self.stages,
                recipients=self.ports.recipients,
                writer=self.run_writer,
                clock=self.ports.clock,
            ),
            stages=self.stages,
            closer=self.closer,
            queue=self.repeats,
            clock=self.ports.clock,
            ids=self.ports.ids,
            budget_s=self.settings.job_budget_s,
        )

    @cached_property
    def closer(self) -> RunCloser:
        """Closes runs."""
        return RunCloser(
            sync_states=self.ports.sync_states,
            runs=self.ports.runs,
            snapshots=self.ports.snapshots,
            recipients=self.ports.recipients,
            queue=self.ports.queue,
            stages=self.stages,
            writer=self.run_writer,
            health=self.health,
            clock=self.ports.clock,
        )
