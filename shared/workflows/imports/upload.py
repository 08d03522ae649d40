"""Upload import: a large file comes in parts, is started once it is complete, and is looked at afterwards."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from shared.domain.ids import ImportId, LocationId, TenantId
from shared.domain.imports.large_import import MAX_FILE_BYTES, MAX_PARTS, Import, ImportRef, ImportState, announced
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.run import Run
from shared.errors import Conflict, NotFound, Rejected
from shared.ports.imports import ImportStore
from shared.ports.platform import Clock, IdSource
from shared.ports.queues import JobQueue
from shared.ports.runs import RunStore
from shared.telemetry import event
from shared.workflows.recipients.manual_changes import ManualChanges

#: Imports of a tenant whose files are stored at the same time.
MAX_OPEN: Final = 20
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class UploadImport(msgspec.Struct, frozen=True, kw_only=True):
    """Takes large files and hands them to the queue."""

    imports: ImportStore
    runs: RunStore
    queue: JobQueue
    manual: ManualChanges
    clock: Clock
    ids: IdSource

    async def create(self, tenant: TenantId, location: LocationId, mode: ImportMode, by: str) -> Import:
        """Leave an import to which parts can be sent, and return it. Raises: NotFound; Rejected beyond MAX_OPEN."""
        await self.manual.require_location(tenant, location)
        open_ = [mark async for mark in self.imports.list_imports(tenant) if mark.state.has_file]
        if len(open_) >= MAX_OPEN:
            raise Rejected(
                f"{len(open_)} imports of the tenant have not ended; wait for their end, or for a day.",
                code="too_many_imports",
            )
        now = self.clock.now()
        new = Import(
            tenant=tenant,
            location=location,
            id=ImportId(self.ids.new_run_id()),
            mode=mode,
            by=by,
            state=ImportState.UPLOADING,
            at=now,
        )
        await self.imports.insert(new)
        return new

    async def get(self, ref: ImportRef) -> tuple[Import, Mapping[int, int]]:
        """Return an import, and the bytes of its parts while they are being sent. Raises: NotFound."""
        found = (await self.imports.get(ref)).value
        return found, await self.imports.list_part_sizes(ref) if found.state is ImportState.UPLOADING else {}

    async def put_part(self, ref: ImportRef, number: int, content: bytes) -> None:
        """Leave a part stored, in the place of the one of this number. Raises: NotFound; Rejected; Conflict."""
        if not 1 <= number <= MAX_PARTS:
            raise Rejected(f"Parts are numbered from 1 to {MAX_PARTS}.", code="invalid_part")
        await self._require_uploading(ref)
        await self.imports.put_part(ref, number, content)
        try:
            await self.imports.get(ref)
        except NotFound:  # its location was deleted meanwhile: nothing may be left of it
            await self.imports.delete_parts(ref)
            raise

    async def start(self, ref: ImportRef, parts: int, sha256: str, approved: str) -> Run:
        """Leave the import in its queue, and return the run that it will be. Started again it is the same run.

        One whose deactivations are held is started again by the digest that approves them, as another run.

        Raises: NotFound; Rejected (`parts_missing`, `file_too_large`, `digest_mismatch`); Conflict (`import_started`,
        `import_ended`).
        """
        stored = await self.imports.get(ref)
        known = stored.value
        match known.state:
            case ImportState.WAITING | ImportState.WORKING if (known.parts, known.sha256) == (parts, sha256.lower()):
                return await self._enqueue(known)
            case ImportState.WAITING | ImportState.WORKING:
                raise Conflict("The import has been started as another file.", code="import_started")
            case ImportState.DONE | ImportState.FAILED:
                raise Conflict("The import has ended; send the file anew.", code="import_ended")
            case ImportState.HELD:
                if known.outcome is None or approved != known.outcome.held_digest:
                    raise Rejected(
                        "The digest is not that of the people who are held; look at the import again.",
                        code="digest_mismatch",
                    )
            case ImportState.UPLOADING:
                await self._require_parts(ref, parts)
                known = msgspec.structs.replace(known, parts=parts, sha256=_sha256(sha256))
        now = self.clock.now()
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
        )
        await self.imports.replace(started, stored.etag)
        return await self._enqueue(started)

    async def _enqueue(self, started: Import) -> Run:
        """Leave the run in the history and its job in the queue. The watchdog mends a crash on the way."""
        run = announced(started)
        await self.runs.insert(run)
        await self.queue.import_file(started.job(run.id))
        event("import_started", tenant=run.tenant, run=run.id, location=started.location, parts=started.parts)
        return (await self.runs.get(run.tenant, run.id)).value

    async def _require_uploading(self, ref: ImportRef) -> None:
        if (await self.imports.get(ref)).value.state is not ImportState.UPLOADING:
            raise Conflict("The import has been started; its parts stay as they are.", code="import_started")

    async def _require_parts(self, ref: ImportRef, parts: int) -> None:
        if not 1 <= parts <= MAX_PARTS:
            raise Rejected(f"`parts` is 1 to {MAX_PARTS}.", code="invalid_body")
        sizes = await self.imports.list_part_sizes(ref)
        numbers = set(range(1, parts + 1))
        if numbers != set(sizes):
            missing, over = sorted(numbers - set(sizes)), sorted(set(sizes) - numbers)
            raise Rejected(
                f"Of {parts} parts {missing} are missing, and {over} were sent besides.", code="parts_missing"
            )
        if sum(sizes.values()) > MAX_FILE_BYTES:
            raise Rejected(
                f"The file has {sum(sizes.values())} bytes; at most {MAX_FILE_BYTES} are imported at once.",
                code="file_too_large",
            )


def _sha256(text: str) -> str:
    if not _SHA256.fullmatch(text.lower()):
        raise Rejected("`sha256` is the file's SHA-256, 64 hexadecimal digits.", code="invalid_body")
    return text.lower()
