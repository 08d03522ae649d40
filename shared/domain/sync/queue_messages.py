"""Encodes and decodes queue messages. Only `sync-requests` is a public contract; see `parse_request`.

No property may be named `id` or like other trigger metadata of the Functions host: it would overwrite the metadata.
"""

import base64
import binascii
from typing import Annotated, Final, TypeVar

import msgspec

from shared.domain.ids import attempt_id, import_id, location_id, run_id, source_id, tenant_id
from shared.domain.run import RunMode
from shared.domain.schema_version import SCHEMA, require_readable
from shared.domain.sync.jobs import QUEUES, DeactivateJob, FetchJob, ImportJob, Job, ReconcileJob, SyncRequest
from shared.errors import Rejected

_REMEDY: Final = 'Send a tenant\'s id, or {"tenant": "contoso", "mode": "incremental"} (or "full"), as text or base64.'
_OURS: Final = "Only the app itself sends these messages; request a run instead."
#: Requester of a run whose message was put on the queue directly. Names in it do not count.
MANUAL_MESSAGE: Final = "queue"
#: Requester of scheduled runs.
SCHEDULE: Final = "schedule"
#: Requester in the message of a run that the API has stored. The run names the caller, the message does not.
ANNOUNCED: Final = "api"
#: Requesters of runs that the tenant's state or a stored run names: the app requests them again, or later.
REPEATED: Final = frozenset({ANNOUNCED, "watchdog", "pending", "configuration"})
#: Maximum length of a message that is decoded, in characters; valid requests are much shorter.
_MAX_REQUEST: Final = 4_096
#: Maximum length of the id of a request, in characters.
_MAX_REQUEST_ID: Final = 200
#: The last second that is a time: the end of the year 9999.
_LATEST_S: Final = 253_402_300_799

J = TypeVar("J")


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a message has in addition to its job. A version that does not know a property ignores it."""

    #: Span that sent the message, as the header of that name.
    #: Source: https://www.w3.org/TR/trace-context/#traceparent-header
    traceparent: str | None = None
    #: When a delayed message becomes visible, in seconds since 1970. Of other senders, any number may come.
    due: Annotated[int, msgspec.Meta(ge=0, le=_LATEST_S)] | None = None


class _RequestBody(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON properties of a request. `request` and `by` are internal; other senders can omit them.

    Every sender can write any name into `by`. It is therefore never that of a person or key.
    """

    tenant: str
    mode: RunMode = RunMode.INCREMENTAL
    request: str | None = None
    by: str = MANUAL_MESSAGE


class _Schema(msgspec.Struct, frozen=True):
    """The JSON property with the schema version of a job's message."""

    schema: int = SCHEMA


class _Step(msgspec.Struct, frozen=True):
    """The JSON property by which the kinds of jobs of one queue differ; a reconcile job does not have it."""

    step: str | None = None


def encode(job: Job, envelope: Envelope | None = None) -> str:
    """Return the message of a job. It contains only ids and counters."""
    body: Job | _RequestBody = job
    if isinstance(job, SyncRequest):
        by = job.requested_by if job.requested_by in {MANUAL_MESSAGE, SCHEDULE} | REPEATED else ANNOUNCED
        body = _RequestBody(tenant=job.tenant, mode=job.mode, request=job.request, by=by)
    enclosed = msgspec.to_builtins(envelope) if envelope is not None else {}
    return msgspec.json.encode({**msgspec.to_builtins(body), **enclosed, "schema": SCHEMA}).decode()


def envelope_of(text: str) -> Envelope:
    """Return the envelope of a message. Messages of earlier versions and of other senders have an empty one."""
    try:
        return msgspec.json.decode(text, type=Envelope)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return Envelope()


def parse(queue: str, text: str, message_id: str = "") -> Job:
    """Decode a message of a queue.

    Raises:
        Rejected: It is malformed, or the queue is not one of jobs.
        Unreadable: A newer version of the app has sent it.
    """
    if queue == SyncRequest.queue:
        return parse_request(text, message_id)
    if queue not in QUEUES:
        raise Rejected("It is an event, not a message.", code="malformed_message")
    require_readable(_parse(text, _Schema).schema, "The message")
    job = _parse(text, _kind_of(queue, text))
    tenant_id(job.tenant)
    run_id(job.run)
    if isinstance(job, FetchJob):
        source_id(job.source)
    if isinstance(job, DeactivateJob):
        for attempt in job.answers:
            attempt_id(attempt)
    if isinstance(job, ReconcileJob | ImportJob):
        location_id(job.location)
    if isinstance(job, ImportJob):
        import_id(job.import_id)
    return job


def _kind_of(queue: str, text: str) -> type[FetchJob | ReconcileJob | DeactivateJob | ImportJob]:
    """Return the kind of a job's message."""
    if queue == ReconcileJob.queue:
        return ReconcileJob if _parse(text, _Step).step is None else DeactivateJob
    return ImportJob if queue == ImportJob.queue else FetchJob


def parse_request(text: str, message_id: str) -> SyncRequest:
    """Decode a message of `sync-requests`.

    The text is a tenant's id, or a JSON object with `tenant` and optionally `mode`, in any case. Either may be
    base64-encoded, also with line breaks, and begin with a byte order mark. The id of the request is its property
    `request` if present, else `message_id`. Its requester is a name of the app, else `MANUAL_MESSAGE`.

    Raises Rejected, with the fault and what to send instead, if the message is malformed, and Unreadable as `parse`.
    """
    if len(text) > _MAX_REQUEST:
        raise Rejected(f"The message has {len(text)} characters. {_REMEDY}", code="malformed_message")
    plain = _decoded(text.lstrip("\ufeff").strip())
    if plain.startswith("{"):
        try:
            properties = _folded(msgspec.json.decode(plain, type=dict[str, object]))
            # Before the values, which this version may not know. Other senders may use the name for a text.
            require_readable(properties.get("schema"), "The message")
            body = msgspec.convert(properties, _RequestBody)
        except msgspec.ValidationError as error:
            raise Rejected(f"The message is not a request: {error}. {_REMEDY}", code="malformed_message") from error
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
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
    by = body.by if body.by in {SCHEDULE} | REPEATED else MANUAL_MESSAGE
    return SyncRequest(tenant=tenant, mode=body.mode, request=request, requested_by=by)


def _folded(properties: dict[str, object]) -> dict[str, object]:
    """Return the properties with names and mode in lower case, as other serializers write them, and without nulls.

    Raises Rejected if two names differ only in case.
    """
    folded = {name.lower(): value for name, value in properties.items() if value is not None}
    if len(folded) < sum(value is not None for value in properties.values()):
        raise Rejected(f"Two properties have the same name. {_REMEDY}", code="malformed_message")
    mode = folded.get("mode")
    return {**folded, "mode": mode.lower()} if isinstance(mode, str) else folded


def _decoded(text: str) -> str:
    """Return the decoded text if it is base64, else the text itself.

    A tenant's id such as `contoso1` is also valid base64. Text with the form of an id is therefore not decoded, and
    decoded text counts only if it looks like a request.
    """
    if _is_tenant_id(text):
        return text
    try:
        plain = base64.b64decode("".join(text.split()), validate=True).decode("utf-8").lstrip("\ufeff").strip()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return text
    return plain if plain.startswith("{") or _is_tenant_id(plain) else text


def _is_tenant_id(text: str) -> bool:
    try:
        tenant_id(text)
    except Rejected:
        return False
    return True


def _parse(text: str, kind: type[J]) -> J:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Rejected(f"The message is not a valid job: {error}. {_OURS}", code="malformed_message") from error
