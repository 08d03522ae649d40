"""The settings that the local stack gives to the Functions host, all of them as environment variables."""

import os

from infra.local.azurite import Azurite
from infra.local.stack.certificates import Certificates
from infra.local.stack.ports import LOCALHOST


def host_settings(
    *, azurite: Azurite, certificates: Certificates, key: str, key_vault: str, login: str, graph: str, identity: str
) -> dict[str, str]:
    """What the product and the SDKs beneath it find in their environment, as Azure would set it for a deployed app.

    `key` is the function key, `identity` the address that answers for the managed identity; the others are the
    stand-ins' addresses.
    """
    bypass = ",".join(filter(None, (os.environ.get("NO_PROXY"), LOCALHOST, "localhost")))
    return {
        "AzureWebJobsStorage": azurite.connection_string,
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "KEY_VAULT_URL": key_vault,
        "DEFAULT_LOGIN_ENDPOINT": login,
        "DEFAULT_GRAPH_ENDPOINT": graph,
        "ALLOWED_ENDPOINTS": f"{login}|{graph}",
        "SYNC_SCHEDULE": "0 0 * * * *",
        "WATCHDOG_SCHEDULE": "0 */1 * * * *",
        "WATCHDOG_STALE_AFTER_S": "60",
        "IDENTITY_ENDPOINT": identity,
        "IDENTITY_HEADER": key,
        "FUNCTIONS_HOST_KEY": key,
        # The synchronous SDK clients read the first, the asynchronous ones the second.
        "REQUESTS_CA_BUNDLE": str(certificates.bundle),
        "SSL_CERT_FILE": str(certificates.bundle),
        # A proxy of the laptop's network cannot reach the laptop.
        "NO_PROXY": bypass,
        "no_proxy": bypass,
    }
