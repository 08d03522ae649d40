"""Requests as operations of Azure's role-based access control, and the operations that each role allows.

Sources:
- https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
- https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory#permissions-for-calling-data-operations
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from infra.azure.snapshot import (
    BLOB_OWNER,
    METRICS_PUBLISHER,
    QUEUE_CONTRIBUTOR,
    SECRETS_OFFICER,
    TABLE_CONTRIBUTOR,
)

#: Operations that each role allows. `*` stands for anything.
ALLOWED: Final[Mapping[str, tuple[str, ...]]] = {
    BLOB_OWNER: ("blobServices/containers/*",),
    QUEUE_CONTRIBUTOR: (
        "queueServices/queues/read",
        "queueServices/queues/write",
        "queueServices/queues/delete",
        "queueServices/queues/messages/read",
        "queueServices/queues/messages/write",
        "queueServices/queues/messages/delete",
        "queueServices/queues/messages/process/action",
    ),
    TABLE_CONTRIBUTOR: (
        "tableServices/tables/read",
        "tableServices/tables/write",
        "tableServices/tables/delete",
        "tableServices/tables/entities/read",
        "tableServices/tables/entities/write",
        "tableServices/tables/entities/delete",
        "tableServices/tables/entities/add/action",
        "tableServices/tables/entities/update/action",
    ),
    SECRETS_OFFICER: ("vaults/secrets/*",),
    METRICS_PUBLISHER: ("telemetry/write",),
}

_TABLE: Final = re.compile(r"([A-Za-z]\w*)(?:\(.*\))?")
_TABLE_NAME: Final = re.compile(r'"TableName"\s*:\s*"(\w+)"')
_IN_BATCH: Final = re.compile(rb"^(?:POST|PUT|PATCH|MERGE|DELETE|GET) \S*?/(\w+)(?:\(|\s)", re.MULTILINE)
_ENTITY: Final = {
    "GET": "read",
    "POST": "add/action",
    "PUT": "write",
    "PATCH": "update/action",
    "MERGE": "update/action",
    "DELETE": "delete",
}
_CONTAINER: Final = {"GET": "read", "HEAD": "read", "PUT": "write", "DELETE": "delete"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a request asks for."""

    name: str
    #: names of the tables or the queue that it concerns
    targets: tuple[str, ...] = ()
    #: whether it creates its target
    creates: bool = False


def is_allowed(operation: Operation, roles: Iterable[str]) -> bool:
    """Return whether one of the roles allows the operation."""
    return any(fnmatchcase(operation.name, pattern) for role in roles for pattern in ALLOWED.get(role, ()))


def table_operation(method: str, path: str, query: Mapping[str, str], body: bytes) -> Operation:
    """Return the operation of a request to Table Storage. `path` begins after the account's name."""
    if query.get("comp") == "properties" or not path:
        return Operation(name="tableServices/write" if method == "PUT" else "tableServices/read")
    if path == "$batch":
        tables = sorted({name.decode() for name in _IN_BATCH.findall(body)})
        return Operation(name="tableServices/tables/entities/write", targets=tuple(tables))
    if path == "Tables" or path.startswith("Tables("):
        name = _TABLE_NAME.search(body.decode()) if method == "POST" else re.search(r"'(\w+)'", path)
        verb = {"POST": "write", "DELETE": "delete"}.get(method, "read")
        targets = (name[1],) if name else ()
        return Operation(name=f"tableServices/tables/{verb}", targets=targets, creates=method == "POST")
    match = _TABLE.fullmatch(path)
    return Operation(
        name=f"tableServices/tables/entities/{_ENTITY.get(method, 'unknown')}", targets=(match[1],) if match else ()
    )


def queue_operation(method: str, path: str, query: Mapping[str, str], body: bytes) -> Operation:
    """Return the operation of a request to Queue Storage. `path` begins after the account's name."""
    del body
    queue, _, rest = path.partition("/")
    if not queue:
        verb = "queues/read" if query.get("comp") == "list" else ("write" if method == "PUT" else "read")
        return Operation(name=f"queueServices/{verb}")
    if not rest:
        verb = {"PUT": "write", "DELETE": "delete"}.get(method, "read")
        creates = method == "PUT" and "comp" not in query
        return Operation(name=f"queueServices/queues/{verb}", targets=(queue,), creates=creates)
    if method == "GET":
        verb = "read" if query.get("peekonly") == "true" else "process/action"
    elif method == "DELETE":
        verb = "process/action" if "/" in rest else "delete"
    else:
        verb = "write"
    return Operation(name=f"queueServices/queues/messages/{verb}", targets=(queue,))


def blob_operation(method: str, path: str, query: Mapping[str, str], body: bytes) -> Operation:
    """Return the operation of a request to Blob Storage. `path` begins after the account's name."""
    del body
    verb = _CONTAINER.get(method, "unknown")
    if not path:
        return Operation(name="blobServices/containers/read" if query.get("comp") == "list" else f"blobServices/{verb}")
    if query.get("restype") == "container" and query.get("comp") != "list":
        return Operation(name=f"blobServices/containers/{verb}")
    return Operation(name=f"blobServices/containers/blobs/{verb}")


def vault_operation(method: str, path: str, query: Mapping[str, str], body: bytes) -> Operation:
    """Return the operation of a request to Key Vault."""
    del query, body
    kind, _, rest = path.partition("/")
    if kind == "deletedsecrets":
        verb = {"DELETE": "purge/action", "POST": "recover/action"}.get(method, "readMetadata/action")
    elif method == "GET":
        verb = "getSecret/action" if rest and not rest.endswith("/versions") else "readMetadata/action"
    else:
        verb = {"PUT": "setSecret/action", "DELETE": "delete"}.get(method, "update/action")
    return Operation(name=f"vaults/secrets/{verb}")


def telemetry_operation(method: str, path: str, query: Mapping[str, str], body: bytes) -> Operation:
    """Return the operation of a request to the ingestion endpoint of Application Insights."""
    del path, query, body
    return Operation(name="telemetry/write" if method == "POST" else "telemetry/unknown")
