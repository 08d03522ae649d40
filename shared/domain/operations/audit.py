"""The audit log: who changed or exported what, when and through which entry point.

An entry has ids and names of fields, never their values, and no secret. Entries are inserted and never changed.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from shared.domain.ids import TenantId, newest_first

#: Actor of the counts of strangers' refusals.
STRANGERS: Final = "strangers"


class Action(StrEnum):
    """What was done, or refused. Stored as text, so that an earlier version of the app can read a new action."""

    TENANT_SAVED = "tenant_saved"
    TENANT_DELETED = "tenant_deleted"
    ADMINS_SAVED = "admins_saved"
    SIGN_IN_SAVED = "sign_in_saved"
    SIGN_IN_REMOVED = "sign_in_removed"
    CONNECTION_SAVED = "connection_saved"
    CONNECTION_REMOVED = "connection_removed"
    CONNECTION_CHECKED = "connection_checked"
    PREFERENCES_SAVED = "preferences_saved"
    LOCATION_SAVED = "location_saved"
    LOCATION_DELETED = "location_deleted"
    MAPPING_SAVED = "mapping_saved"
    GROUP_UNMAPPED = "group_unmapped"
    COLUMNS_SAVED = "columns_saved"
    USER_CREATED = "user_created"
    PERSON_ERASED = "person_erased"
    RECIPIENT_EDITED = "recipient_edited"
    FILE_IMPORTED = "file_imported"
    IMPORT_CREATED = "import_created"
    IMPORT_STARTED = "import_started"
    RUN_STARTED = "run_started"
    RUN_APPROVED = "run_approved"
    RUN_REJECTED = "run_rejected"
    RUN_ACCEPTED = "run_accepted"
    RUN_UNDONE = "run_undone"
    WRITING_PAUSED = "writing_paused"
    WRITING_RESUMED = "writing_resumed"
    KEY_CREATED = "key_created"
    KEY_REVOKED = "key_revoked"
    MESSAGE_RETRIED = "message_retried"
    MESSAGE_DISCARDED = "message_discarded"
    RECIPIENTS_EXPORTED = "recipients_exported"
    CHANGES_EXPORTED = "changes_exported"
    AUDIT_EXPORTED = "audit_exported"
    #: A request that changes and exports nothing was refused.
    REQUEST_REFUSED = "request_refused"


class EntryPoint(StrEnum):
    """Where a request came in."""

    #: The door for signed-in people: the portal, or a client with a person's token or a named key.
    SIGNED_IN = "signed_in"
    SERVICE_API = "service_api"
    #: The command line, by either door, as it says of itself.
    COMMAND_LINE = "command_line"
    QUEUE = "queue"
    TIMER = "timer"


class AuditOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a request ended."""

    at: datetime
    #: Status of the answer (HTTP).
    status: int
    #: Code of the problem; empty if the request succeeded.
    code: str = ""
    #: Names of the fields that changed, where the route compares them.
    fields: tuple[str, ...] | None = None
    #: Ids of what the request created, by kind.
    subject: Mapping[str, str] = {}


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request that changes or exports something, or that was refused."""

    id: str
    at: datetime
    action: str
    #: Name of the caller (`shared.domain.access.callers.name_of`).
    actor: str
    entry_point: str
    #: Ids of what the request is about, by kind: location, run, import, recipient, message.
    subject: Mapping[str, str] = {}
    #: Names of the fields that the request sends.
    fields: tuple[str, ...] = ()
    #: None if the worker died, or storage failed, before the end was stored: the request may have succeeded.
    outcome: AuditOutcome | None = None
    #: Number of refusals that the entry stands for.
    count: int = 1


class Recorded(NamedTuple):
    """An entry and the tenant whose list has it, None for the operator's list."""

    tenant: TenantId | None
    entry: AuditEntry


class AuditPosition(NamedTuple):
    """Position of an entry among those of all lists."""

    tenant: str
    id: str


def entry_id(at: datetime, unique: str) -> str:
    """Return the id of an entry. Later entries sort before earlier ones."""
    return f"{newest_first(at)}-{unique}"


def concluded(entry: AuditEntry, outcome: AuditOutcome) -> AuditEntry:
    """Return an entry with its outcome, what the request created, and the fields that really changed."""
    fields = entry.fields if outcome.fields is None else outcome.fields
    return msgspec.structs.replace(entry, outcome=outcome, fields=fields, subject={**entry.subject, **outcome.subject})
