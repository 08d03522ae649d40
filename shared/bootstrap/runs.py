"""Wires what requests and plans runs, and what ends them when the configuration changes."""

from functools import cached_property

from shared.bootstrap.wiring import Wiring
from shared.workflows.idempotency import Idempotency
from shared.workflows.imports.cleanup import ImportCleanup
from shared.workflows.imports.completion import ImportCompletion
from shared.workflows.sync.accept_cleared import AcceptCleared
from shared.workflows.sync.emergency_stop import EmergencyStop
from shared.workflows.sync.plan import PlanRun
from shared.workflows.sync.repeat_limit import RepeatCounter, RepeatLimit
from shared.workflows.sync.request_run import RequestRun
from shared.workflows.sync.restart_on_change import RestartOnChange
from shared.workflows.sync.stages import StageCoordinator
from shared.workflows.tenants.location_deletion import LocationErasure


class RunWiring(Wiring):
    """Requests and plans runs."""

    @cached_property
    def idempotency(self) -> Idempotency:
        """Makes repeated requests return what the first one created."""
        return Idempotency(records=self.ports.idempotency, clock=self.ports.clock, ids=self.ports.ids)

    @cached_property
    def stages(self) -> StageCoordinator:
        """Moves runs from stage to stage."""
        return StageCoordinator(
            tenants=self.ports.tenants,
            runs=self.ports.runs,
            recipients=self.ports.recipients,
            queue=self.ports.queue,
        )

    @cached_property
    def import_completion(self) -> ImportCompletion:
        """Ends uploaded imports."""
        return ImportCompletion(
            sync_states=self.ports.sync_states,
            imports=self.ports.imports,
            runs=self.ports.runs,
            recipients=self.ports.recipients,
            clock=self.ports.clock,
            ids=self.ports.ids,
        )

    @cached_property
    def import_cleanup(self) -> ImportCleanup:
        """Resumes and erases uploaded imports."""
        return ImportCleanup(
            imports=self.ports.imports,
            sync_states=self.ports.sync_states,
            queue=self.ports.queue,
            repeats=self._repeat_counter,
            completion=self.import_completion,
            clock=self.ports.clock,
            stale_after_s=self.settings.watchdog_stale_after_s,
            keep_report=self.settings.retention.imports,
        )

    @cached_property
    def request_run(self) -> RequestRun:
        """Announces and requests a run."""
        return RequestRun(
            tenants=self.ports.tenants,
            connections=self.ports.connections,
            settings=self.ports.settings,
            sync_states=self.ports.sync_states,
            runs=self.ports.runs,
            queue=self.ports.queue,
            plan=self.plan,
            idempotency=self.idempotency,
            clock=self.ports.clock,
            ids=self.ports.ids,
        )

    @cached_property
    def accept_cleared(self) -> AcceptCleared:
        """Starts a run that takes withheld properties for cleared."""
        return AcceptCleared(sync_states=self.ports.sync_states, runs=self.ports.runs, request_run=self.request_run)

    @cached_property
    def plan(self) -> PlanRun:
        """Plans a run for a request."""
        return PlanRun(
            tenants=self.ports.tenants,
            settings=self.ports.settings,
            sync_states=self.ports.sync_states,
            runs=self.ports.runs,
            stages=self.stages,
            changes=self.restart_on_change,
            clock=self.ports.clock,
            ids=self.ports.ids,
            deadline_s=self.settings.run_deadline_s,
        )

    @cached_property
    def _repeat_counter(self) -> RepeatCounter:
        return RepeatCounter(
            runs=self.ports.runs,
            max_messages=self.settings.run_max_messages,
            max_requests=self.settings.run_max_requests,
        )

    @cached_property
    def repeats(self) -> RepeatLimit:
        """Sends jobs of runs again, within limits."""
        return RepeatLimit(
            counter=self._repeat_counter,
            queue=self.ports.queue,
            changes=self.restart_on_change,
            imports=self.import_completion,
        )

    @cached_property
    def emergency_stop(self) -> EmergencyStop:
        """Pauses and resumes writing."""
        return EmergencyStop(
            tenants=self.ports.tenants,
            settings=self.ports.settings,
            sync_states=self.ports.sync_states,
            recipients=self.ports.recipients,
            changes=self.restart_on_change,
            queue=self.ports.queue,
            operator_log=self.ports.operator_log,
            clock=self.ports.clock,
            ids=self.ports.ids,
        )

    @cached_property
    def location_deletion(self) -> LocationErasure:
        """Deletes the rows of deleted locations."""
        return LocationErasure(
            settings=self.ports.settings,
            sync_states=self.ports.sync_states,
            recipients=self.ports.recipients,
            imports=self.import_cleanup,
            clock=self.ports.clock,
        )

    @cached_property
    def restart_on_change(self) -> RestartOnChange:
        """Ends work that runs on old configuration."""
        return RestartOnChange(
            connections=self.ports.connections,
            settings=self.ports.settings,
            sync_states=self.ports.sync_states,
            runs=self.ports.runs,
            recipients=self.ports.recipients,
            location_deletion=self.location_deletion,
            operator_log=self.ports.operator_log,
            queue=self.ports.queue,
            stages=self.stages,
            clock=self.ports.clock,
            ids=self.ports.ids,
        )
