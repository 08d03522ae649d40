"""Wires what operators look at and repair."""

from functools import cached_property

from shared.bootstrap.supervision import SupervisionWiring
from shared.workflows.operations.audit import AuditTrail
from shared.workflows.operations.dead_letters import DeadLetters
from shared.workflows.operations.erase_person import ErasePerson
from shared.workflows.operations.gauges import Gauges
from shared.workflows.operations.health_check import Doctor
from shared.workflows.operations.overview import Overview
from shared.workflows.operations.readiness import ReadinessProbe
from shared.workflows.operations.recipient_queries import RecipientQueries
from shared.workflows.operations.refusals import KnownCallers, StrangerCounts
from shared.workflows.operations.replay import DeadLetterReplay
from shared.workflows.operations.retention import RetentionSweep
from shared.workflows.operations.run_history import RunHistory
from shared.workflows.recipients.departed import DepartedRecipients


class OperationWiring(SupervisionWiring):
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
    def audit(self) -> AuditTrail:
        """Records who changes or exports what."""
        return AuditTrail(
            audit=self.ports.audit,
            tenants=self.ports.tenants,
            known=KnownCallers(self.ports.settings, self.operator_tenant, self.ports.clock),
            strangers=StrangerCounts(),
            clock=self.ports.clock,
            ids=self.ports.ids,
            kept_for=self.settings.retention.audit,
        )

    @cached_property
    def retention(self) -> RetentionSweep:
        """Deletes rows that are older than they are kept."""
        return RetentionSweep(
            tenants=self.ports.tenants,
            settings=self.ports.settings,
            sync_states=self.ports.sync_states,
            runs=self.ports.runs,
            recipients=self.ports.recipients,
            operator_log=self.ports.operator_log,
            audit=self.audit,
            departed=DepartedRecipients(
                settings=self.ports.settings,
                sync_states=self.ports.sync_states,
                runs=self.ports.runs,
                snapshots=self.ports.snapshots,
                recipients=self.ports.recipients,
                ids=self.ports.ids,
            ),
            retention=self.settings.retention,
            clock=self.ports.clock,
        )

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """Records messages that failed on every delivery."""
        return DeadLetters(
            operator_log=self.ports.operator_log,
            queue=self.ports.queue,
            runs=self.ports.runs,
            recipients=self.ports.recipients,
            stages=self.stages,
            changes=self.restart_on_change,
            import_completion=self.import_completion,
            clock=self.ports.clock,
            ids=self.ports.ids,
        )

    @cached_property
    def erase_person(self) -> ErasePerson:
        """Erases people."""
        return ErasePerson(
            tenants=self.ports.tenants,
            connections=self.ports.connections,
            settings=self.ports.settings,
            sync_states=self.ports.sync_states,
            imports=self.ports.imports,
            erasures=self.ports.erasures,
            manual=self.manual,
            import_completion=self.import_completion,
            clock=self.ports.clock,
            storage_clock=self.ports.storage_clock,
            ids=self.ports.ids,
        )

    @cached_property
    def gauges(self) -> Gauges:
        """Reports the state of the deployment as metrics."""
        return Gauges(
            tenants=self.ports.tenants,
            connections=self.ports.connections,
            sync_states=self.ports.sync_states,
            queue=self.ports.queue,
            clock=self.ports.clock,
        )

    @cached_property
    def doctor(self) -> Doctor:
        """Checks the deployment."""
        return Doctor(probes=self.ports.probes, operator_log=self.ports.operator_log, clock=self.ports.clock)

    @cached_property
    def readiness(self) -> ReadinessProbe:
        """Probes the dependencies of the app."""
        return ReadinessProbe(self.ports.probes, self.ports.clock)

    @cached_property
    def replay(self) -> DeadLetterReplay:
        """Re-enqueues or discards failed messages."""
        return DeadLetterReplay(
            operator_log=self.ports.operator_log, queue=self.ports.queue, stages=self.stages, clock=self.ports.clock
        )

    @cached_property
    def run_history(self) -> RunHistory:
        """Reads runs and their changes."""
        return RunHistory(tenants=self.ports.tenants, runs=self.ports.runs, recipients=self.ports.recipients)

    @cached_property
    def recipient_queries(self) -> RecipientQueries:
        """Reads recipients."""
        return RecipientQueries(
            tenants=self.ports.tenants,
            settings=self.ports.settings,
            snapshots=self.ports.snapshots,
            recipients=self.ports.recipients,
            clock=self.ports.clock,
        )
