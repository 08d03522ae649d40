"""Wires imports of files, small and large."""

from functools import cached_property

from shared.bootstrap.recipients import RecipientWiring
from shared.workflows.imports.apply_import import WorkOffImport
from shared.workflows.imports.cleanup import SweepImports
from shared.workflows.imports.completion import ImportEndings
from shared.workflows.imports.small_import import ImportCsv
from shared.workflows.imports.upload import UploadImport


class ImportWiring(RecipientWiring):
    """Imports files."""

    @cached_property
    def import_csv(self) -> ImportCsv:
        """Turns a small file into recipients."""
        return ImportCsv(settings=self.ports.settings, manual=self.manual, idempotency=self.idempotency)

    @cached_property
    def upload_import(self) -> UploadImport:
        """Receives large files in parts."""
        return UploadImport(
            imports=self.ports.imports,
            runs=self.ports.runs,
            queue=self.ports.queue,
            manual=self.manual,
            clock=self.ports.clock,
            ids=self.ports.ids,
        )

    @cached_property
    def work_off_import(self) -> WorkOffImport:
        """Turns large files into recipients."""
        return WorkOffImport(
            settings=self.ports.settings,
            sync_states=self.ports.sync_states,
            imports=self.ports.imports,
            recipients=self.ports.recipients,
            queue=self.ports.queue,
            endings=self.import_endings,
            clock=self.ports.clock,
            ids=self.ports.ids,
            budget_s=self.settings.job_budget_s,
        )

    @cached_property
    def import_endings(self) -> ImportEndings:
        """Completes large imports."""
        return ImportEndings(
            sync_states=self.ports.sync_states,
            imports=self.ports.imports,
            runs=self.ports.runs,
            recipients=self.ports.recipients,
            clock=self.ports.clock,
        )

    @cached_property
    def sweep_imports(self) -> SweepImports:
        """Ends abandoned imports and deletes old ones."""
        return SweepImports(
            imports=self.ports.imports,
            queue=self.ports.queue,
            endings=self.import_endings,
            clock=self.ports.clock,
            stale_after_s=self.settings.watchdog_stale_after_s,
        )
