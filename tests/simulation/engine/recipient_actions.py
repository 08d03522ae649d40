"""Actions of people who edit recipients and import files."""

import io
from collections.abc import Coroutine
from hashlib import sha256
from typing import Any

from shared.bootstrap import App
from shared.domain.access.idempotency import IdempotentRequest
from shared.domain.ids import MAIN, TenantId, recipient_id_of
from shared.domain.imports.import_record import ImportState
from shared.domain.imports.row_decisions import ImportMode
from tests.simulation.engine.cluster import PEOPLE, listed, ran
from tests.simulation.engine.requests import BY, upload
from tests.simulation.engine.stage import Stage
from tests.support.builders import person

_HEADER = "mail,department\n"
#: Share of the imports that are sent with a key, and of the starts of uploads that name another file.
_REPEATED = 0.2
_OTHER_FILE = 0.2


def edit(stage: Stage, tenant: TenantId) -> None:
    """Edit a recipient, or deactivate or reactivate one."""
    location, number = stage.location(), stage.random.randrange(PEOPLE)
    active = stage.random.choice([None, True, False])
    fields = {} if active is not None else {"department": f"Edited {stage.number()}"}

    def do(app: App) -> Coroutine[Any, Any, object]:
        recipient = recipient_id_of(MAIN, person(number))
        return app.edit_recipient(tenant, location, recipient, fields, active=active, by=BY)

    stage.call(f"PATCH {tenant} {location} {number} {active}", do)


def import_file(stage: Stage, tenant: TenantId) -> None:
    """Import some rows into a location, inside the request."""
    location, mode, file = stage.location(), _mode(stage), (_HEADER + _rows(stage)).encode()
    repeatable = None
    if stage.random.random() < _REPEATED:  # each of several requests with the key sends the same file
        key, mode, file = (
            f"key {stage.random.randrange(2)}",
            ImportMode.MERGE,
            f"{_HEADER}user1@example.com,IT\n".encode(),
        )
        repeatable = IdempotentRequest.of(BY, f"import {location}", key, file)
    stage.call(
        f"import into {tenant} {location}",
        lambda app: app.import_csv(tenant, location, io.BytesIO(file), mode, "", BY, repeatable),
    )


def upload_file(stage: Stage, tenant: TenantId) -> None:
    """Upload a file in two parts, and start its import."""
    location, mode, parts = stage.location(), _mode(stage), (_HEADER.encode(), _rows(stage).encode())
    stage.call(f"upload into {tenant} {location}", lambda app: upload(app, tenant, location, mode, parts))


def continue_upload(stage: Stage, tenant: TenantId) -> None:
    """Store a part of an upload, start it again, perhaps with another file, or approve what it holds."""
    imports = stage.cluster.view.imports
    marks = listed(imports.list_imports(tenant))
    if not marks:
        return
    ref = stage.random.choice(marks).ref
    stored, content = ran(imports.get(ref)).value, (_HEADER + _rows(stage)).encode()
    digest = (stored.outcome and stored.outcome.held_digest) or ""
    parts, hash_ = stored.parts, stored.sha256
    if stored.state is ImportState.UPLOADING or stage.random.random() < _OTHER_FILE:
        parts, hash_ = 1, sha256(content).hexdigest()
    if stage.random.random() < 0.4:
        stage.call(f"part of {ref.id}", lambda app: app.upload_import.put_part(ref, 1, content))
    else:
        stage.call(f"start {ref.id}", lambda app: app.upload_import.start(ref, parts, hash_, digest))


def _mode(stage: Stage) -> ImportMode:
    return stage.random.choice([ImportMode.MERGE, ImportMode.MERGE, ImportMode.OVERWRITE])


def _rows(stage: Stage) -> str:
    numbers = stage.random.sample(range(PEOPLE + 4), 3)
    return "".join(f"user{number}@example.com,Dept {stage.random.randrange(3)}\n" for number in numbers)
