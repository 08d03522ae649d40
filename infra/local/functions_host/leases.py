"""One listener per timer across hosts: a lease on a blob, and the timer's status in another blob."""

import logging

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobClient, BlobLeaseClient, ContainerClient

from infra.local.functions_host.queues import brief
from infra.local.functions_host.schedules import Status

log = logging.getLogger("functions_host")

CONTAINER = "azure-webjobs-hosts"
#: length of a lease, in seconds; a killed host blocks its successor for at most this time
LEASE_S = 60
#: shortest lease that the service gives, in seconds
_MIN_LEASE_S = 15


class Lease:
    """A lease on a blob of the host's container, which is created if it is missing.

    `waits` is a factor for its length.
    """

    def __init__(self, container: ContainerClient, name: str, waits: float = 1.0) -> None:
        self._container = container
        self.length_s: float = max(_MIN_LEASE_S, round(LEASE_S * waits))
        self._blob: BlobClient = container.get_blob_client(name)
        self._lease: BlobLeaseClient | None = None

    async def acquire(self) -> bool:
        """Acquire the lease for its length.

        Return False if another host has it or the storage is unavailable.
        """
        try:
            await self._create_blob()
            self._lease = await self._blob.acquire_lease(lease_duration=int(self.length_s))
        except HttpResponseError as error:
            if error.error_code != "LeaseAlreadyPresent":  # type: ignore[attr-defined]
                log.warning("Lease %s could not be acquired: %s", self._blob.blob_name, brief(error))
            return False
        except AzureError as error:
            log.warning("Lease %s could not be acquired: %s", self._blob.blob_name, brief(error))
            return False
        return True

    async def renew(self) -> bool:
        """Extend the lease by its length. Return False if it is lost."""
        if self._lease is None:
            return False
        try:
            await self._lease.renew()
        except AzureError as error:
            log.warning("Lease %s is lost: %s", self._blob.blob_name, brief(error))
            return False
        return True

    async def release(self) -> None:
        """Release the lease, so that another host can acquire it immediately."""
        if self._lease is None:
            return
        try:
            await self._lease.release()
        except AzureError as error:
            log.warning("Lease %s could not be released: %s", self._blob.blob_name, brief(error))
        self._lease = None

    async def _create_blob(self) -> None:
        try:
            await self._blob.upload_blob(b"", overwrite=False)
        except ResourceExistsError:
            return
        except ResourceNotFoundError:
            await create_container(self._container)
            await self._create_blob()
        except HttpResponseError as error:
            # The blob exists and is leased by another host.
            if error.error_code != "LeaseIdMissing":  # type: ignore[attr-defined]
                raise


class StatusBlob:
    """The status of a timer, shared by all hosts."""

    def __init__(self, container: ContainerClient, name: str) -> None:
        self._container = container
        self._blob: BlobClient = container.get_blob_client(name)

    async def read(self) -> Status | None:
        """Return the stored status, or None if there is none."""
        try:
            return Status.from_json(await (await self._blob.download_blob()).readall())
        except ResourceNotFoundError:
            return None
        except (ValueError, KeyError) as error:
            log.warning("Status %s is not readable and is reset: %s", self._blob.blob_name, error)
            return None

    async def write(self, status: Status) -> None:
        """Store the status. As in Azure, a failure is logged and the timer continues."""
        try:
            try:
                await self._blob.upload_blob(status.to_json(), overwrite=True)
            except ResourceNotFoundError:
                await create_container(self._container)
                await self._blob.upload_blob(status.to_json(), overwrite=True)
        except AzureError:
            log.exception("Status %s could not be stored", self._blob.blob_name)


async def create_container(container: ContainerClient) -> None:
    """Create the host's container unless it exists."""
    try:
        await container.create_container()
    except ResourceExistsError:
        return
