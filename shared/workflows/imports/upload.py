"""Upload of a file in parts, and the start of its import."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from shared.domain.ids import ImportId, LocationId, TenantId
from shared.domain.imports.csv_file import Reading
from shared.domain.imports.import_record import MAX_FILE_BYTES, MAX_PARTS, Import, ImportRef, ImportState, announced
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.run import Run
from shared.domain.versioned import Versioned
from shared.errors import Conflict, NotFound, Rejected
from shared.ports.imports import ImportStore
from shared.ports.platform import Clock
from shared.ports.queues import JobQueue
from shared.ports.runs import RunStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import event
from shared.workflows.imports.order import ImportOrder
from shared.workflows.recipients.manual_changes import ManualChanges

#: Maximum number of imports of a tenant whose files are stored.
MAX_OPEN: Final = 20
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class UploadImport(msgspec.Struct, frozen=True, kw_only=True):
    """Receives files in parts and starts their imports."""

    imports: ImportStore
    runs: RunStore
    queue: JobQueue
    manual: ManualChanges
    order: ImportOrder
    clock: Clock

    async def create(
        self, tenant: TenantId, location: LocationId, mode: ImportMode, by: str, reading: Reading | None = None
    ) -> Import:
        """Create an import to which parts can be uploaded.

        Raises:
            NotFound: The tenant or the location does not exist.
            Rejected: The tenant has MAX_OPEN imports with files (`too_many_imports`).
        """
        stored = await self.manual.require_location(tenant, location)
        with_files = [mark async for mark in self.imports.list_imports(tenant) if mark.state.has_file]
        if len(with_files) >= MAX_OPEN:
            raise Rejected(
                f"{len(with_files)} imports of the tenant have not ended; wait for their end, or for a day.",
                code="too_many_imports",
            )
        id_, now, state = ImportId(self.manual.new_run()), self.clock.now(), ImportState.UPLOADING
        reading = (reading or Reading()).at(stored)
        new = Import(tenant=tenant, location=location, id=id_, mode=mode, by=by, state=state, at=now, reading=reading)
        await self.imports.insert(new)
        return new

    async def get(self, ref: ImportRef) -> tuple[Import, Mapping[int, int]]:
        """Return an import, and the sizes of its parts in bytes while it is being uploaded. Raises NotFound."""
        stored = (await self.imports.get(ref)).value
        return stored, await self.imports.list_part_sizes(ref) if stored.state is ImportState.UPLOADING else {}

    async def put_part(self, ref: ImportRef, number: int, content: bytes, charset: str = "") -> None:
        """Store a part, replacing an earlier one with this number. A declared charset is that of the whole file.

        Raises:
            NotFound: The import does not exist.
            Rejected: The file would be too large (`file_too_large`).
            Conflict: The import has been started (`import_started`), perhaps while the part was being stored.
        """
        await self._declare(ref, charset)
        others = {other: size for other, size in (await self.imports.list_part_sizes(ref)).items() if other != number}
        _require_size(sum(others.values()) + len(content))
        await self.imports.put_part(ref, number, content)
        try:
            state = (await self.imports.get(ref)).value.state
        except NotFound:  # its location was deleted during the upload
            await self.imports.delete_parts(ref)
            raise
        if state is not ImportState.UPLOADING:
            if not state.has_file:
                await self.imports.delete_parts(ref)
            raise Conflict(
                "This part came late: the import was started while it was being stored. If the import fails, upload "
                "the file again.",
                code="import_started",
            )

    @optimistic_update
    async def _declare(self, ref: ImportRef, charset: str) -> None:
        """Store the charset, if one is declared. Raises Conflict if the import has been started."""
        stored = await self.imports.get(ref)
        if stored.value.state is not ImportState.UPLOADING:
            raise Conflict("The import has been started; its parts cannot be changed.", code="import_started")
        if charset and charset != stored.value.reading.charset:
            reading = msgspec.structs.replace(stored.value.reading, charset=charset)
            await self.imports.replace(msgspec.structs.replace(stored.value, reading=reading), stored.etag)

    @optimistic_update
    async def start(self, ref: ImportRef, parts: int, sha256: str, approved: str) -> Run:
        """Enqueue the import, and return its run. A repeated start returns the same run.

        An import whose deactivations are held is started again, as another run, with their approval digest.

        Raises:
            NotFound: The import does not exist.
            Rejected: The file is incomplete or too large, or the digest is a different one (`digest_mismatch`).
            Conflict: The import was started with another file (`import_started`), or has ended (`import_ended`).
            Contended: Others changed the import at every attempt.
        """
        stored = await self.imports.get(ref)
        known = stored.value
        match known.state:
            case ImportState.WORKING if known.run is None:
                raise Conflict("The upload is ending, and can no longer be started.", code="import_ended")
            case ImportState.WAITING | ImportState.WORKING if (known.parts, known.sha256) == (parts, sha256.lower()):
                return await self._enqueue(stored)
            case ImportState.WAITING | ImportState.WORKING:
                raise Conflict("The import was started with another file.", code="import_started")
            case ImportState.DONE | ImportState.FAILED:
                raise Conflict("The import has ended; upload the file again.", code="import_ended")
            case ImportState.HELD:
                if known.outcome is None or approved != known.outcome.held_digest:
                    raise Rejected(
                        "The approval digest does not match the held deactivations; load the import again.",
                        code="digest_mismatch",
                    )
            case ImportState.UPLOADING:
                await self._require_parts(ref, parts)
                known = msgspec.structs.replace(known, parts=parts, sha256=_sha256(sha256))
        now, earlier = self.clock.now(), known.older if known.run is None else (*known.older, known.run)
        started = msgspec.structs.replace(
            known,
            state=ImportState.WAITING,
            at=now,
            started_at=now,
            run=self.manual.new_run(),
            approved=approved,
            claimed_until=None,
            outcome=None,
            storage_requests=0,
            number=0,
            is_numbered=False,
            begun=False,
            older=earlier,
        )
        return await self._enqueue(Versioned(started, await self.imports.replace(started, stored.etag)))

    async def _enqueue(self, stored: Versioned[Import]) -> Run:
        """Number the import, store the run and enqueue the job. After a crash in between, the watchdog does it."""
        started = (await self.order.enter(stored)).value
        run = announced(started)
        await self.runs.insert(run)
        await self.queue.send([started.job(run.id)])
        event("import_started", tenant=run.tenant, run=run.id, location=started.location, parts=started.parts)
        return (await self.runs.get(run.tenant, run.id)).value

    async def _require_parts(self, ref: ImportRef, parts: int) -> None:
        if not 1 <= parts <= MAX_PARTS:
            raise Rejected(f"`parts` is 1 to {MAX_PARTS}.", code="invalid_body")
        sizes = await self.imports.list_part_sizes(ref)
        numbers = set(range(1, parts + 1))
        if numbers != set(sizes):
            missing, over = sorted(numbers - set(sizes)), sorted(set(sizes) - numbers)
            raise Rejected(
                f"Of {parts} parts {missing} are missing; {over} were uploaded in addition.", code="parts_missing"
            )
        _require_size(sum(sizes.values()))


def _require_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        detail = f"The file has {size} bytes; at most {MAX_FILE_BYTES} are accepted."
        raise Rejected(detail, code="file_too_large")


def _sha256(text: str) -> str:
    if not _SHA256.fullmatch(text.lower()):
        raise Rejected("`sha256` is the file's SHA-256, 64 hexadecimal digits.", code="invalid_body")
    return text.lower()
