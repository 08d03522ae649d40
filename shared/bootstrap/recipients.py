"""Wires manual changes of recipients, and what explains recipients."""

from functools import cached_property

from shared.bootstrap.connections import ConnectionWiring
from shared.workflows.recipients.edit import EditRecipient
from shared.workflows.recipients.explain import Explain
from shared.workflows.recipients.manual_changes import ManualChanges
from shared.workflows.recipients.recent_losses import RecentLosses
from shared.workflows.recipients.undo import Undo


class RecipientWiring(ConnectionWiring):
    """Changes and explains recipients."""

    @cached_property
    def manual(self) -> ManualChanges:
        """Writes what a person decides."""
        return ManualChanges(
            tenants=self.ports.tenants,
            settings=self.ports.settings,
            sync_states=self.ports.sync_states,
            runs=self.ports.runs,
            recipients=self.ports.recipients,
            running_work=self.restart_on_change,
            clock=self.ports.clock,
            ids=self.ports.ids,
        )

    @cached_property
    def recent_losses(self) -> RecentLosses:
        """Counts unconfirmed deactivations for the guard."""
        return RecentLosses(runs=self.ports.runs, recipients=self.ports.recipients, clock=self.ports.clock)

    @cached_property
    def edit_recipient(self) -> EditRecipient:
        """Changes one recipient for a person."""
        return EditRecipient(manual=self.manual)

    @cached_property
    def undo(self) -> Undo:
        """Undoes a run."""
        return Undo(runs=self.ports.runs, recipients=self.ports.recipients, manual=self.manual)

    @cached_property
    def explain(self) -> Explain:
        """Explains why a person is, or is not, a recipient."""
        return Explain(
            tenants=self.ports.tenants,
            settings=self.ports.settings,
            runs=self.ports.runs,
            snapshots=self.ports.snapshots,
            recipients=self.ports.recipients,
            access=self.access,
        )
