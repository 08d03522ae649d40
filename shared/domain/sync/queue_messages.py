"""Messages of the queues as text, and back. Only `sync-requests` is a contract with others; see `parse_request`.

No property may be called `id` or like any other of the host's trigger metadata: the host would overwrite that with it.
"""

import base64
import binascii
from typing import Final, TypeVar

import msgspec

from shared.domain.ids import import_id, location_id, run_id, source_id, tenant_id
from shared.domain.run import RunMode
from shared.domain.sync.jobs import DeactivateJob, FetchJob, ImportJob, ReconcileJob, SyncRequest
from shared.errors import Rejected

_REMEDY: Final = 'Send a tenant\'s id, or {"tenant": "contoso", "mode": "incremental"} (or "full"), as text or base64.'
_OURS: Final = "Only the app itself sends these; ask for a run instead."
#: Who asks, where a message does not say so: somebody who put it on the queue.
MANUAL_MESSAGE: Final = "queue"
#: Who asks for a run when the schedule does.
SCHEDULE: Final = "schedule"
#: Longest request that is looked at, in characters; a longer one is nobody's.
_MAX_REQUEST: Final = 4_096
_MAX_REQUEST_ID: Final = 200
#: Longest name of whoever asks, in characters: more than `person:` with two ids takes.
_MAX_CALLER: Final = 100

J = TypeVar("J", FetchJob, ReconcileJob, DeactivateJob, ImportJob)


class _RequestBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a request may say. `request` and `by` are the product's own; others need not know them."""

    tenant: str
    mode: RunMode = RunMode.INCREMENTAL
    request: str | None = None
    by: str = MANUAL_MESSAGE


def encode_request(request: SyncRequest) -> str:
    """Return a request as the product itself sends it."""
    body = _RequestBody(tenant=request.tenant, mode=request.mode, request=request.request, by=request.requested_by)
    return msgspec.json.encode(body).decode()


def parse_request(text: str, message_id: str) -> SyncRequest:
    """Return what a message of `sync-requests` asks for.

    The text is a tenant's id, or a JSON object with `tenant` and, if wanted, `mode`; either may be base64-encoded and
    begin with a byte order mark. The request is called what it says, else as its message.

    Raises: Rejected, with what is wrong and what to send instead.
    """
    if len(text) > _MAX_REQUEST:
        raise Rejected(f"The message has {len(text)} characters. {_REMEDY}", code="malformed_message")
    plain = _decoded(text.lstrip("\ufeff").strip())
    if plain.startswith("{"):
        try:
            body = msgspec.json.decode(plain, type=_RequestBody)
        except msgspec.ValidationError as error:
            raise Rejected(f"The message is not a request: {error}. {_REMEDY}", code="malformed_message") from error
        except (msgspec.DecodeError, UnicodeError) as error:
            raise Rejected(f"The message is broken JSON: {error}. {_REMEDY}", code="malformed_message") from error
    else:
        body = _RequestBody(tenant=plain)
    try:
        tenant = tenant_id(body.tenant)
    except Rejected as error:
        raise Rejected(f"{error} {_REMEDY}", code="malformed_message") from error
    request = body.request or message_id
    if len(request) > _MAX_REQUEST_ID:
        raise Rejected(
            f"`request` has {len(request)} characters, more than {_MAX_REQUEST_ID}. {_REMEDY}", code="malformed_message"
        )
    return SyncRequest(tenant=tenant, mode=body.mode, request=request, requested_by=body.by[:_MAX_CALLER])


def _decoded(text: str) -> str:
    """Return the text behind base64 where it is that, else the text itself.

    A tenant's id such as `contoso1` is also valid base64: text that is an id is taken for one, and what comes out of
    base64 must look like a request to count.
    """
    if _is_tenant_id(text):
        return text
    try:
        plain = base64.b64decode(text, validate=True).decode("utf-8").lstrip("\ufeff").strip()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return text
    return plain if plain.startswith("{") or _is_tenant_id(plain) else text


def _is_tenant_id(text: str) -> bool:
    try:
        tenant_id(text)
    except Rejected:
        return False
    return True


def encode_job(job: FetchJob | ReconcileJob | DeactivateJob | ImportJob) -> str:
    """Return a job as its message: ids only."""
    return msgspec.json.encode(job).decode()


def parse_fetch(text: str) -> FetchJob:
    """Return a fetch job. Raises: Rejected."""
    job = _parse(text, FetchJob)
    source_id(job.source)
    return job


def parse_reconcile(text: str) -> ReconcileJob:
    """Return a reconcile job. Raises: Rejected."""
    job = _parse(text, ReconcileJob)
    location_id(job.location)
    return job


def parse_deactivate(text: str) -> DeactivateJob:
    """Return a deactivate job. Raises: Rejected."""
    return _parse(text, DeactivateJob)


def parse_import(text: str) -> ImportJob:
    """Return an import job. Raises: Rejected."""
    job = _parse(text, ImportJob)
    location_id(job.location)
    import_id(job.import_id)
    return job


def _parse(text: str, kind: type[J]) -> J:
    try:
        job = msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Rejected(f"The message is no {kind.__name__}: {error}. {_OURS}", code="malformed_message") from error
    tenant_id(job.tenant)
    run_id(job.run)
    return job
