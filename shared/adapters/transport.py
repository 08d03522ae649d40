"""How requests to Azure Storage travel: counted, and as the app itself where no connection string is given."""

from typing import Any

from azure.core.pipeline.transport import AioHttpTransport

from shared.settings import Settings
from shared.telemetry import count_storage_request


class CountingTransport(AioHttpTransport):  # type: ignore[misc] # the SDK loads it lazily, untyped
    """The SDK's own transport, which counts every request for the job that sends it, retries included."""

    async def send(self, request: Any, **config: Any) -> Any:  # noqa: ANN401 - the SDK's
        """Count, then send."""
        count_storage_request()
        return await super().send(request, **config)


def credential(settings: Settings) -> Any:  # noqa: ANN401 - the SDK's credential, imported only where it is needed
    """Return the credential of the app's managed identity."""
    from azure.identity.aio import ManagedIdentityCredential  # noqa: PLC0415 - 0.3 s, and not needed locally

    return ManagedIdentityCredential(client_id=settings.managed_identity_client_id)
