"""Requests are classified as Azure's access control does, and roles allow what Microsoft says."""

import pytest

from infra.azure.snapshot import BLOB_OWNER, QUEUE_CONTRIBUTOR, SECRETS_OFFICER, TABLE_CONTRIBUTOR
from infra.rehearsal.operations import (
    Operation,
    blob_operation,
    is_allowed,
    queue_operation,
    table_operation,
    vault_operation,
)


@pytest.mark.parametrize(
    ("method", "path", "body", "name", "targets"),
    [
        ("POST", "Tables", b'{"TableName": "Runs"}', "tables/write", ("Runs",)),
        ("DELETE", "Tables('Runs')", b"", "tables/delete", ("Runs",)),
        ("GET", "Runs()", b"", "tables/entities/read", ("Runs",)),
        ("GET", "Runs(PartitionKey='a',RowKey='b(c)')", b"", "tables/entities/read", ("Runs",)),
        ("POST", "Runs", b"{}", "tables/entities/add/action", ("Runs",)),
        ("PATCH", "Runs(PartitionKey='a',RowKey='b')", b"{}", "tables/entities/update/action", ("Runs",)),
        (
            "POST",
            "$batch",
            b"PUT https://a/x/Runs(PartitionKey='a',RowKey='b') HTTP/1.1\r\n\r\nPOST https://a/x/Jobs HTTP/1.1\r\n",
            "tables/entities/write",
            ("Jobs", "Runs"),
        ),
    ],
)
def test_requests_to_tables(method: str, path: str, body: bytes, name: str, targets: tuple[str, ...]) -> None:
    """Of tables and of entities, alone and in a batch."""
    operation = table_operation(method, path, {}, body)
    assert (operation.name, operation.targets) == (f"tableServices/{name}", targets)
    assert operation.creates == (path == "Tables")


@pytest.mark.parametrize(
    ("method", "path", "query", "name"),
    [
        ("PUT", "q", {}, "queues/write"),
        ("GET", "q", {"comp": "metadata"}, "queues/read"),
        ("GET", "q/messages", {}, "queues/messages/process/action"),
        ("GET", "q/messages", {"peekonly": "true"}, "queues/messages/read"),
        ("POST", "q/messages", {}, "queues/messages/write"),
        ("PUT", "q/messages/1", {}, "queues/messages/write"),
        ("DELETE", "q/messages/1", {}, "queues/messages/process/action"),
        ("DELETE", "q/messages", {}, "queues/messages/delete"),
    ],
)
def test_requests_to_queues(method: str, path: str, query: dict[str, str], name: str) -> None:
    """Only a PUT without `comp` creates a queue."""
    operation = queue_operation(method, path, query, b"")
    assert (operation.name, operation.targets) == (f"queueServices/{name}", ("q",))
    assert operation.creates == (name == "queues/write")
    assert is_allowed(operation, {QUEUE_CONTRIBUTOR})
    assert not is_allowed(operation, {TABLE_CONTRIBUTOR, BLOB_OWNER, SECRETS_OFFICER})


def test_requests_to_blobs_and_secrets() -> None:
    """Every one needs its own service's role."""
    blob = blob_operation("PUT", "c/b", {"comp": "lease"}, b"")
    secret = vault_operation("GET", "secrets/a/1", {}, b"")
    assert (blob.name, secret.name) == ("blobServices/containers/blobs/write", "vaults/secrets/getSecret/action")
    assert is_allowed(blob, {BLOB_OWNER})
    assert is_allowed(secret, {SECRETS_OFFICER})
    assert not is_allowed(blob, {SECRETS_OFFICER, TABLE_CONTRIBUTOR, QUEUE_CONTRIBUTOR})
    assert not is_allowed(secret, {BLOB_OWNER, TABLE_CONTRIBUTOR, QUEUE_CONTRIBUTOR})


@pytest.mark.parametrize(
    "operation",
    [
        table_operation("PUT", "", {"comp": "properties"}, b""),
        queue_operation("PUT", "", {"comp": "properties"}, b""),
        Operation(name="storageAccounts/listKeys/action"),
    ],
)
def test_no_role_allows_to_change_a_service(operation: Operation) -> None:
    """The roles are for data only."""
    assert not is_allowed(operation, {BLOB_OWNER, QUEUE_CONTRIBUTOR, TABLE_CONTRIBUTOR, SECRETS_OFFICER})
