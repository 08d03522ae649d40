"""HTTP pipeline for the Table service: azure-core's retries and credentials, without the models of azure-data-tables.

The SDK's `submit_transaction` and `query_entities` spend most of their time building and parsing MIME messages and one
object per property; docs/performance/results.md has the numbers. Infrequent operations still use the SDK.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from time import monotonic, time
from typing import Any, Final, TypeVar
from wsgiref.handlers import format_date_time

from azure.core import AsyncPipelineClient
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy, AsyncRetryPolicy, AzureSasCredentialPolicy
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.data.tables import AccountSasPermissions, ResourceTypes, generate_account_sas
from azure.data.tables.aio import TableServiceClient

from shared.adapters.network.transport import CountingTransport
from shared.domain.retry_policy import TABLE_REQUEST
from shared.runtime.fair_scheduler import cpu_slice

#: Version of the REST API, the same as that of the SDK.
#: Source: https://learn.microsoft.com/rest/api/storageservices/versioning-for-the-azure-storage-services
_VERSION: Final = {"x-ms-version": "2019-02-02", "DataServiceVersion": "3.0", "MaxDataServiceVersion": "3.0;NetFx"}
_AGENT: Final = "recipient-sync"
_SCOPE: Final = "https://storage.azure.com/.default"
#: Validity of a shared access signature, in seconds.
_SIGNED_S: Final = 24 * 3600.0
#: Age at which a signature is renewed, in seconds: half of its validity, so that it never expires in use.
_RENEWED_S: Final = 12 * 3600.0


class _ShortRetries(AsyncRetryPolicy[HttpRequest, AsyncHttpResponse]):
    """azure-core's retries, limited to short waits. For a longer wait, the message is requeued with a delay."""

    def is_retry(self, settings: Any, response: Any) -> bool:  # noqa: ANN401 - the SDK's signature
        """Return whether to retry within this request."""
        return (
            bool(super().is_retry(settings, response))
            and (self.get_retry_after(response) or 0) <= TABLE_REQUEST.max_wait_s
        )


class _Request(HttpRequest):
    """azure-core's request, with the two attributes that its transport reads, which it looks up among many by name."""

    @property
    def data(self) -> Any:  # noqa: ANN401 - the SDK's
        return self._data

    @property
    def files(self) -> Any:  # noqa: ANN401 - the SDK's
        return self._files


class Wire:
    """Sends requests with the credential of the SDK's client: a signature by the account's key, or a bearer token."""

    def __init__(self, service: TableServiceClient, *, retries: int, backoff_s: float) -> None:
        self.url, _, query = service.url.partition("?")
        self._key: AzureNamedKeyCredential | None = None
        self._sas = AzureSasCredential(query or "none")
        self._renew_at_s = 0.0
        credential: Any = service.credential
        policy: Any
        if isinstance(credential, AzureNamedKeyCredential):
            self._key = credential
            policy = AzureSasCredentialPolicy(self._sas)
        elif credential is None or isinstance(credential, AzureSasCredential):
            policy = AzureSasCredentialPolicy(credential or self._sas)
        else:
            policy = AsyncBearerTokenCredentialPolicy(credential, _SCOPE)
        self._client: AsyncPipelineClient[HttpRequest, Any] = AsyncPipelineClient(
            self.url,
            policies=[_ShortRetries(retry_total=retries, retry_backoff_factor=backoff_s), policy],
            transport=CountingTransport("table"),
        )

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Any:  # noqa: ANN401 - the SDK's response, read
        """Send a request and return the response, with any status. Raises the SDK's errors without a response."""
        async with cpu_slice():  # many jobs may send at the same time, each for a millisecond
            self._renew()
            stamped = {**_VERSION, "User-Agent": _AGENT, "x-ms-date": format_date_time(time()), **headers}
            request = _Request(method, f"{self.url}/{path}", headers=stamped, content=body)
        return await self._client.send_request(request)

    def _renew(self) -> None:
        """Renew the shared access signature if necessary. It is valid for hours, so requests need not be signed."""
        if self._key is None or monotonic() < self._renew_at_s:
            return
        self._renew_at_s = monotonic() + _RENEWED_S
        now = datetime.now(UTC)
        signature = generate_account_sas(
            self._key,
            ResourceTypes(object=True, container=True),  # Azurite requires `container` for a query
            AccountSasPermissions(read=True, write=True, delete=True, add=True, update=True),
            expiry=now + timedelta(seconds=_SIGNED_S),
        )
        self._sas.update(signature)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


class _ServiceError:
    """Error body of the service in the form that azure-core expects. An exception means that it has no error body."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        inner = answer["odata.error"]
        self.code = str(inner["code"])
        self.message = str(inner["message"]["value"])

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"


E = TypeVar("E", bound=HttpResponseError)


def failed(kind: type[E], response: Any) -> E:  # noqa: ANN401 - the SDK's response, or a substitute
    """Create the error of a response as the SDK would raise it, with the service's error code in `error_code`."""
    error = kind(response=response, error_format=_ServiceError)
    body: Any = error.error
    error.error_code = body.code if body else response.headers.get("x-ms-error-code")  # type: ignore[attr-defined]
    return error
