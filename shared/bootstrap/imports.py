"""Wires imports of CSV files."""

from functools import cached_property

from shared.bootstrap.recipients import RecipientWiring
from shared.workflows.imports.apply_import import ApplyImport
from shared.workflows.imports.file_import import FileImport
from shared.workflows.imports.import_in_request import ImportInRequest
from shared.workflows.imports.order import ImportOrder
from shared.workflows.imports.upload import UploadImport


class ImportWiring(RecipientWiring):
    """Imports files."""

    @cached_property
    def _file_import(self) -> FileImport:
        return FileImport(
            settings=self.ports.settings,
            recipients=self.ports.recipients,
            recent_losses=self.recent_losses,
            manual=self.manual,
        )

    @cached_property
    def _import_order(self) -> ImportOrder:
        return ImportOrder(imports=self.ports.imports, recipients=self.ports.recipients, clock=self.ports.clock)

    @cached_property
    def import_csv(self) -> ImportInRequest:
        """Imports a file inside a request."""
        return ImportInRequest(
            files=self._file_import, order=self._import_order, manual=self.manual, idempotency=self.idempotency
        )

    @cached_property
    def upload_import(self) -> UploadImport:
        """Receives files in parts."""
        return UploadImport(
            imports=self.ports.imports,
            runs=self.ports.runs,
            queue=self.ports.queue,
            manual=self.manual,
            order=self._import_order,
            clock=self.ports.clock,
        )

    @cached_property
    def apply_import(self) -> ApplyImport:
        """Imports an uploaded file."""
        return ApplyImport(
            files=self._file_import,
            imports=self.ports.imports,
            sync_states=self.ports.sync_states,
            queue=self.repeats,
            completion=self.import_completion,
            order=self._import_order,
            clock=self.ports.clock,
            budget_s=self.settings.job_budget_s,
        )
