"""Wires what timers and admins do about runs."""

from functools import cached_property

from shared.bootstrap.sync import SyncWiring
from shared.workflows.sync.review_held import ReviewHeld
from shared.workflows.sync.schedule import Schedule
from shared.workflows.sync.watchdog import Watchdog


class SupervisionWiring(SyncWiring):
    """Schedules runs, watches them, and decides on held ones."""

    @cached_property
    def schedule(self) -> Schedule:
        """Requests a run for every connected tenant."""
        return Schedule(
            connections=self.ports.connections,
            queue=self.ports.queue,
            health=self.health,
            limits=self.ports.limits,
            idempotency=self.ports.idempotency,
            clock=self.ports.clock,
        )

    @cached_property
    def watchdog(self) -> Watchdog:
        """Resumes what a crash interrupted."""
        return Watchdog(
            sync_states=self.ports.sync_states,
            runs=self.ports.runs,
            recipients=self.ports.recipients,
            queue=self.ports.queue,
            stages=self.stages,
            closer=self.closer,
            changes=self.restart_on_change,
            repeats=self.repeats,
            stop=self.emergency_stop,
            manual=self.manual,
            imports=self.import_cleanup,
            entries=self.entries,
            deletion=self.deletion,
            location_deletion=self.location_deletion,
            clock=self.ports.clock,
            stale_after_s=self.settings.watchdog_stale_after_s,
            deadline_s=self.settings.run_deadline_s,
        )

    @cached_property
    def review_held(self) -> ReviewHeld:
        """Approves or drops the deactivations of a held run."""
        return ReviewHeld(
            sync_states=self.ports.sync_states,
            runs=self.ports.runs,
            queue=self.ports.queue,
            closer=self.closer,
            clock=self.ports.clock,
        )
