"""Import a file of this number of rows into one location, four times, and print the figures of each as JSON.

`python -m tests.bench.large_import 1000000`: all new, all changed, none changed, and a file that lacks a twentieth.
"""

import asyncio
import dataclasses
import json
import resource
import sys
from collections.abc import Iterator
from hashlib import sha256
from time import monotonic, process_time

from shared.bootstrap import App
from shared.domain.ids import LocationId, TenantId
from shared.domain.imports.import_record import MAX_PART_BYTES, ImportRef
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import Preferences
from shared.telemetry import RequestCounters
from tests.bench.on_disk import DiskImportStore, DiskRecipientStore
from tests.support.world import SETTINGS, World, deliver

_TENANT, _LOCATION = TenantId("contoso"), LocationId("hall")
_HEADER = b"display name,e-mail,department,phone,employee id,office\n"


def peak_mib() -> float:
    """Return the peak memory of the process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def file_of(rows: int, department: str) -> Iterator[bytes]:
    """Yield a file line by line. Every tenth row has a line break in a cell."""
    yield _HEADER
    for number in range(rows):
        office = f'"Building {number % 9}\n Room {number}"' if number % 10 == 0 else f"Room {number}"
        phone = f"+49 30 {number:08d}"
        yield f"Given Surname {number},p{number}@example.com,{department},{phone},E{number:08d},{office}\n".encode()


async def send(app: App, rows: int, department: str, mode: ImportMode) -> tuple[ImportRef, int]:
    """Upload and start an import, with one part in memory at a time.

    Return the import and the size of its file in bytes.
    """
    ref = (await app.upload_import.create(_TENANT, _LOCATION, mode, "bench")).ref
    found, part, number, size = sha256(), bytearray(), 0, 0
    for line in file_of(rows, department):
        found.update(line)
        size += len(line)
        part += line
        if len(part) >= MAX_PART_BYTES - 1_000:
            number += 1
            await app.upload_import.put_part(ref, number, bytes(part))
            part.clear()
    await app.upload_import.put_part(ref, number + 1, bytes(part))
    del part
    await app.upload_import.start(ref, number + 1, found.hexdigest(), "")
    return ref, size


async def main(rows: int) -> None:
    """Import, and print the figures."""
    world = World()
    recipients = DiskRecipientStore()
    world.ports = dataclasses.replace(world.ports, recipients=recipients, imports=DiskImportStore())
    world.app = App(world.ports, SETTINGS)
    await world.tenant("contoso", [], Preferences(), {"hall": []})
    start_mib = peak_mib()
    cases = [
        ("created", rows, "IT", ImportMode.MERGE),
        ("updated", rows, "HR", ImportMode.MERGE),
        ("unchanged", rows, "HR", ImportMode.MERGE),
        ("deactivated", rows - rows // 20, "HR", ImportMode.OVERWRITE),
    ]
    report: dict[str, object] = {}
    for name, count, department, mode in cases:
        world.clock.advance(60)
        ref, size = await send(world.app, count, department, mode)
        began, cpu, batches = monotonic(), process_time(), recipients.batches
        while world.queue.messages:
            await deliver(world.app, world.queue.messages.pop(0))
        done = (await world.ports.imports.get(ref)).value
        run = await world.newest("contoso")
        assert done.outcome is not None
        report[name] = {
            "rows": done.outcome.rows,
            "state": done.state,
            "counts": {key: value for key, value in vars_of(run.counts).items() if value},
            "file_mib": round(size / 2**20, 1),
            "seconds": round(monotonic() - began, 1),
            "cpu_s": round(process_time() - cpu, 1),
            "batches": recipients.batches - batches,
            "peak_mib_more_than_idle": round(peak_mib() - start_mib, 1),
        }
    report["idle_mib"] = round(start_mib, 1)
    await world.app.watchdog(RequestCounters())
    print(json.dumps(report))


def vars_of(counts: object) -> dict[str, int]:
    """Return the fields of counts."""
    return {name: getattr(counts, name) for name in ("created", "updated", "deactivated", "reactivated")}


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
