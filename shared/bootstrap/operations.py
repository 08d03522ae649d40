"""Wires what operators look at and repair."""

from functools import cached_property

from shared.bootstrap.supervision import Supervision
from shared.workflows.operations.dead_letters import DeadLetters
from shared.workflows.operations.health_check import Doctor
from shared.workflows.operations.overview import Overview
from shared.workflows.operations.queries import Observe
from shared.workflows.operations.replay import DeadLetterReplay


class Operations(Supervision):
    """Shows operators the state of the deployment, and repairs it."""

    @cached_property
    def overview(self) -> Overview:
        """Lists every tenant on one line."""
        return Overview(
            tenants=self.ports.tenants,
            connections=self.ports.connections,
            sync_states=self.ports.sync_states,
            runs=self.ports.runs,
            operator_log=self.ports.operator_log,
            clock=self.ports.clock,
        )

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """Records messages that failed on every delivery."""
        return DeadLetters(
            operator_log=self.ports.operator_log,
            runs=self.ports.runs,
            stages=self.stages,
            closer=self.closer,
            endings=self.import_endings,
            clock=self.ports.clock,
        )

    @cached_property
    def doctor(self) -> Doctor:
        """Checks the deployment."""
        return Doctor(probes=self.ports.probes, clock=self.ports.clock)

    @cached_property
    def replay(self) -> DeadLetterReplay:
        """Re-enqueues or discards failed messages."""
        return DeadLetterReplay(
            operator_log=self.ports.operator_log, queue=self.ports.queue, stages=self.stages, clock=self.ports.clock
        )

    @cached_property
    def observe(self) -> Observe:
        """Answers queries."""
        return Observe(
            tenants=self.ports.tenants,
            settings=self.ports.settings,
            runs=self.ports.runs,
            snapshots=self.ports.snapshots,
            recipients=self.ports.recipients,
            operator_log=self.ports.operator_log,
            access=self.access,
        )
