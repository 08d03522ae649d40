"""What a deployment lacks is reported by name: each table, queue, role and setting is left out in turn."""

import asyncio

import pytest

from infra.azure.snapshot import (
    BLOB_OWNER,
    METRICS_PUBLISHER,
    QUEUE_CONTRIBUTOR,
    SECRETS_OFFICER,
    TABLE_CONTRIBUTOR,
    Role,
    Snapshot,
)
from infra.local.demo.api import Api, ApiError
from infra.local.stack.supervisor import PartFailed
from infra.rehearsal.deployment import Deployment

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROD = Snapshot.load("prod")
FIRST, *FURTHER = PROD.storage_accounts

#: Settings that only the platform reads; test_copies.py compares their names. The local host reads the first two.
PLATFORM_ONLY = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
    "OTEL_TRACES_SAMPLER",
    "PYTHON_ENABLE_OPENTELEMETRY",
    "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
}
#: Settings without which the app runs, with a default.
WITH_DEFAULT = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "NEW_TENANTS_ACCOUNT",
    "OTEL_TRACES_SAMPLER_ARG",
    "SIGN_IN_EASY_AUTH",
}
SETTINGS = sorted({name for name, value in PROD.app_settings().items() if value} - PLATFORM_ONLY - WITH_DEFAULT)

#: What the product says about each role. The product does not use the other two: see the tests that name them.
TITLES = {
    QUEUE_CONTRIBUTOR: "Storage Queue Data Contributor",
    TABLE_CONTRIBUTOR: "Storage Table Data Contributor",
    SECRETS_OFFICER: "Key Vault Secrets Officer",
}


async def failures(deployment: Deployment) -> dict[str, str]:
    """Return the failed checks of `doctor`: id and detail."""
    async with Api(deployment.info) as api:
        diagnosis = await api.call("GET", "/doctor")
    return {check["id"]: check["detail"] for check in diagnosis["checks"] if check["status"] == "fail"}


async def test_nothing_is_missing(deployment: Deployment) -> None:
    """The control: with everything in place `doctor` passes and a small sync ends."""
    assert await failures(deployment) == {}
    async with Api(deployment.info) as api:
        await api.onboard("control", preferences={"mode": "full"}, locations=["desk"], directory="contoso")
        assert (await api.finished("control", await api.sync("control")))["state"] == "done"


@pytest.mark.parametrize(
    ("account", "table"), [(name, table) for name in PROD.storage_accounts for table in PROD.tables(name)]
)
async def test_a_missing_table_is_named(deployment: Deployment, account: str, table: str) -> None:
    """In the first account and in the further one."""
    deployed = deployment.gateways[account, "table"].access.deployed
    assert deployed is not None
    deployed.remove(table)
    try:
        found = await failures(deployment)
    finally:
        deployed.add(table)
    check = "tables" if account == FIRST else "tables_two"
    assert f"Table {table}:" in found[check]


@pytest.mark.parametrize("queue", PROD.queues(FIRST))
async def test_a_missing_queue_is_named(deployment: Deployment, queue: str) -> None:
    """Poison queues too."""
    deployed = deployment.gateways[FIRST, "queue"].access.deployed
    assert deployed is not None
    deployed.remove(queue)
    try:
        found = await failures(deployment)
    finally:
        deployed.add(queue)
    assert f"Queue {queue}:" in found["queues"]


@pytest.mark.parametrize("role", [role for role in PROD.roles() if role.id in TITLES], ids=lambda role: TITLES[role.id])
async def test_a_missing_role_is_named(deployment: Deployment, role: Role) -> None:
    """On each resource that has it; the one for queues by a host for HTTP functions, because it ends the others."""
    if role.id == QUEUE_CONTRIBUTOR:
        await deployment.run_host(http_only=True)
    resource = role.scope.rsplit("/", maxsplit=1)[-1]
    gateways = [gateway for (name, _), gateway in deployment.gateways.items() if name == resource]
    for gateway in gateways:
        gateway.access.roles.discard(role.id)
    try:
        found = await failures(deployment)
    finally:
        for gateway in gateways:
            gateway.access.roles.add(role.id)
    assert [id_ for id_, detail in found.items() if TITLES[role.id] in detail] != []


async def test_the_role_for_blobs_is_the_hosts(deployment: Deployment) -> None:
    """Without it no timer gets its lease, which the host logs; the product itself uses no blobs."""
    gateway = deployment.gateways[FIRST, "blob"]
    gateway.access.roles.discard(BLOB_OWNER)
    await deployment.stop_host()
    try:
        await deployment.run_host()
        async with asyncio.timeout(30):
            while "AuthorizationPermissionMismatch" not in deployment.host_log():  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.2)
    finally:
        gateway.access.roles.add(BLOB_OWNER)
    assert {operation.split("/")[0] for operation in gateway.access.refused} == {"blobServices"}


async def test_without_the_role_for_queues_the_host_starts_again_and_again(deployment: Deployment) -> None:
    """Until the role has effect."""
    gateway = deployment.gateways[FIRST, "queue"]
    gateway.access.roles.discard(QUEUE_CONTRIBUTOR)
    try:
        async with asyncio.timeout(30):
            while deployment.host_log().count("Host started") < 3:  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.2)
    finally:
        gateway.access.roles.add(QUEUE_CONTRIBUTOR)
    assert "The host ends: queue" in deployment.host_log()
    await deployment.stop_host()
    await deployment.run_host()
    assert await failures(deployment) == {}


async def test_the_role_for_telemetry_is_named_in_the_log(deployment: Deployment) -> None:
    """The app works without it, and nothing arrives."""
    gateway = next(gateway for (_, service), gateway in deployment.gateways.items() if service == "telemetry")
    gateway.access.roles.discard(METRICS_PUBLISHER)
    await deployment.stop_host()
    deployment.ingestion.envelopes.clear()
    try:
        await deployment.run_host()
        # Events are exported within seconds, metrics after a minute.
        async with Api(deployment.info) as api:
            await api.session.post(f"{deployment.info['host']}/admin/functions/schedule", json={"input": ""})
        async with asyncio.timeout(90):
            while "Monitoring Metrics Publisher" not in deployment.host_log():  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.2)
    finally:
        gateway.access.roles.add(METRICS_PUBLISHER)
    assert deployment.ingestion.envelopes == []


async def test_the_roles_are_all_tried() -> None:
    """A role that is added needs a test."""
    assert {role.id for role in PROD.roles()} == {*TITLES, BLOB_OWNER, METRICS_PUBLISHER}


@pytest.mark.parametrize("setting", SETTINGS)
async def test_a_missing_setting_is_named(stand_ins: Deployment, setting: str) -> None:
    """By the host, which does not start, or by the product's health check or `doctor`."""
    assert setting in await _complaint(stand_ins, setting)


async def _complaint(deployment: Deployment, setting: str) -> str:
    """Return what is said about the app when a setting is left out."""
    try:
        # without the id, the identity has no role for queues, which ends a host that listens to them
        await deployment.run_host(without=setting, http_only=setting == "AzureWebJobsStorage__clientId")
    except PartFailed as error:
        return str(error)
    async with Api(deployment.info) as api:
        try:
            await api.call("GET", "/health")
        except ApiError as error:
            return f"{error.status}: {error.problem['detail']}"
    found = await failures(deployment)
    return " ".join(found.values()) + deployment.host_log()
