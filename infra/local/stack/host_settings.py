"""Settings that the local stack gives to the Functions host as environment variables."""

import os
from pathlib import Path

from infra.azure.defaults import DEFAULTS
from infra.local.azurite import Azurite
from infra.local.stack.certificates import Certificates
from infra.local.stack.ports import LOCALHOST


def host_settings(
    *,
    azurite: Azurite,
    certificates: Certificates,
    key: str,
    key_vault: str,
    login: str,
    graph: str,
    identity: str,
    telemetry: Path,
) -> dict[str, str]:
    """Return the environment of the product and the SDKs, as Azure would set it for a deployed app.

    Args:
        azurite: Addresses of the storage emulator.
        certificates: Certificates of the local authority.
        key: The function key, which is also the secret of the managed identity endpoint.
        key_vault: Address of the vault.
        login: Address of the login service.
        graph: Address of Microsoft Graph.
        identity: Address of the managed identity endpoint.
        telemetry: Folder for traces, metrics and logs.
    """
    bypass = ",".join(filter(None, (os.environ.get("NO_PROXY"), LOCALHOST, "localhost")))
    return {
        "AzureWebJobsStorage": azurite.connection_string,
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "KEY_VAULT_URL": key_vault,
        "DEFAULT_LOGIN_ENDPOINT": login,
        "DEFAULT_GRAPH_ENDPOINT": graph,
        "ALLOWED_ENDPOINTS": f"{login}|{graph}",
        "SYNC_SCHEDULE": DEFAULTS["SYNC_SCHEDULE"],
        "WATCHDOG_SCHEDULE": "0 */1 * * * *",
        "WATCHDOG_STALE_AFTER_S": "60",
        "TELEMETRY_FOLDER": str(telemetry),
        # A process that is killed loses what it has not exported: soon here, so that it can be looked at.
        "OTEL_BSP_SCHEDULE_DELAY": "500",
        "OTEL_BLRP_SCHEDULE_DELAY": "500",
        "OTEL_METRIC_EXPORT_INTERVAL": "5000",
        "PYTHON_ENABLE_OPENTELEMETRY": "true",
        "IDENTITY_ENDPOINT": identity,
        "IDENTITY_HEADER": key,
        "FUNCTIONS_HOST_KEY": key,
        # Synchronous SDK clients read the first variable, asynchronous ones the second.
        "REQUESTS_CA_BUNDLE": str(certificates.bundle),
        "SSL_CERT_FILE": str(certificates.bundle),
        # A proxy in the network of this machine cannot reach 127.0.0.1.
        "NO_PROXY": bypass,
        "no_proxy": bypass,
    }
