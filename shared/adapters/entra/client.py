"""Microsoft Graph client of one tenant: the SDK's request adapter with our transport, throttle and retries.

It follows no redirect and uses no proxy from the environment. Requests are counted and throttled. It sleeps through
short waits only; for longer ones the job goes back to its queue.
"""

import asyncio
from http import HTTPStatus
from typing import Final

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import AiohttpResponseStream
from kiota_abstractions.api_client_builder import register_default_deserializer
from kiota_abstractions.headers_collection import HeadersCollection
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_http.middleware import RetryHandler
from kiota_http.middleware.options import RetryHandlerOption
from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph_core import GraphClientFactory

from shared.adapters.entra.credential import NetworkContext, RenewableCredential
from shared.adapters.entra.errors import ERROR_MAP, Refused, of_status, translated
from shared.adapters.entra.links import template
from shared.adapters.entra.retry_after import retry_after_s
from shared.adapters.entra.throttle import REFUSALS, AdaptiveThrottle
from shared.adapters.network.address_guard import PublicAddresses
from shared.adapters.network.bounded_body import ACCEPTED, BoundedBody
from shared.adapters.network.tls import tls_context
from shared.domain.connections.entra.credentials import Credentials
from shared.domain.retry_policy import GRAPH_REQUEST
from shared.errors import Transient
from shared.telemetry import count_directory_request, service_call
from shared.telemetry.metrics import GRAPH_REQUESTS

#: Maximum number of concurrent requests of one tenant without priority.
_CONCURRENT: Final = 16
#: Maximum number of further concurrent requests with priority.
_PRIORITY: Final = 1
#: Timeout between two reads or writes of a request, in seconds.
_SILENCE_S: Final = 30.0
#: Timeout of a request including its retries, in seconds.
_REQUEST_S: Final = 90.0
#: Chunk size of responses and read buffer, in bytes: a page of users arrives in a few chunks.
_CHUNK_BYTES: Final = 1024 * 1024
#: Route of batches. Limits are reported by the responses of the parts, not by the batch's own.
_BATCH: Final = "/$batch"
#: Minimum age of a token that is renewed after a 403, in seconds: it may lack a permission that was granted since.
_OLD_TOKEN_S: Final = 300.0

# GraphServiceClient, which is not used here, would register it; without it the SDK cannot read an error's code
register_default_deserializer(JsonParseNodeFactory)


class _Transport(AiohttpTransport):
    """Throttles and counts every request, retries included, and checks its host's addresses.

    aiohttp beneath httpx takes less than half of the CPU for a page of users;
    docs/performance/results.md has the numbers.
    """

    def __init__(self, addresses: PublicAddresses, throttle: AdaptiveThrottle) -> None:
        self._addresses = addresses
        self._throttle = throttle
        super().__init__(client=self._session, verify=tls_context(), trust_env=False)

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls_context(), resolver=self._addresses),
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_CHUNK_BYTES,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = f"{request.method} graph {template(request.url.path)}"
        async with self._throttle.acquire() as sent_s:
            count_directory_request()
            with service_call(name, GRAPH_REQUESTS) as call:
                try:
                    await self._addresses.addresses(request.url.host)  # aiohttp does not resolve an address
                except OSError as error:
                    raise httpx.ConnectError(f"{request.url.host} could not be looked up", request=request) from error
                response = await super().handle_async_request(request)
                call.answered(response.status_code, is_throttled=response.status_code in REFUSALS)
            if isinstance(response.stream, AiohttpResponseStream):
                response.stream.CHUNK_SIZE = _CHUNK_BYTES
            response.stream = BoundedBody(response)
            if response.status_code != HTTPStatus.OK or not request.url.path.endswith(_BATCH):
                self._throttle.record_response(response.status_code, response.headers, sent_s=sent_s)
        return response


class _NoCookies(httpx.Cookies):
    """A jar that stays empty: looking for cookies in a response takes longer than sending its request."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Ignore the cookies of a response."""


class _Client(httpx.AsyncClient):
    """An httpx client without cookies."""

    cookies = _NoCookies()  # type: ignore[override] # never replaced


class _ShortRetries(RetryHandler):
    """The SDK's retries for short waits only. After a throttling response only the throttle waits."""

    def get_delay_time(self, retry_count: int, response: httpx.Response | None = None, delay: float = 0.0) -> float:
        """Return how long to sleep before the next attempt, in seconds; MAX_DELAY ends the retries."""
        if response is None or response.status_code not in REFUSALS:
            return float(super().get_delay_time(retry_count, response, delay))
        asked_s = retry_after_s(response.headers)
        return (
            float(RetryHandlerOption.MAX_DELAY) if asked_s is not None and asked_s > GRAPH_REQUEST.max_wait_s else 0.0
        )


class GraphClient:
    """Sends requests with one tenant's credentials and returns response bodies as bytes."""

    def __init__(self, credentials: Credentials, network: NetworkContext) -> None:
        self.graph = credentials.endpoints.graph
        self.scope = f"{self.graph}/.default"
        self.credential = RenewableCredential(credentials, network)
        #: Also told about limits that the parts of a `$batch` report.
        self.throttle = AdaptiveThrottle(_CONCURRENT + _PRIORITY)
        self._slots = asyncio.Semaphore(_CONCURRENT)
        self._priority_slots = asyncio.Semaphore(_PRIORITY)
        # tokens for continuous access evaluation live a day, and so would the permissions in them
        provider = AzureIdentityAuthenticationProvider(
            self.credential, scopes=[self.scope], allowed_hosts=[httpx.URL(self.graph).host], is_cae_enabled=False
        )
        self._transport = _Transport(network.addresses, self.throttle)
        self._http = GraphClientFactory.create_with_custom_middleware(
            middleware=[
                _ShortRetries(RetryHandlerOption(delay=GRAPH_REQUEST.first_wait_s, max_retries=GRAPH_REQUEST.retries))
            ],
            client=_Client(
                transport=self._transport,
                headers={"Accept-Encoding": ACCEPTED},
                timeout=_SILENCE_S,
                trust_env=False,
                follow_redirects=False,
                event_hooks={"response": [_refuse_detours]},
            ),
        )
        self._adapter = GraphRequestAdapter(provider, self._http)
        self._adapter.observability_options.include_euii_attributes = False  # links name people and hold tokens

    async def get(self, url: str, *, eventual: bool = False, priority: bool = False) -> bytes | None:
        """Return the body of a GET. Raises the errors of `shared.errors`.

        `eventual` allows an advanced query. `priority` is for sequential requests, such as the pages of a listing, so
        that they do not also queue behind the others.
        """
        return await self._send(Method.GET, url, eventual=eventual, priority=priority)

    async def post(self, url: str, body: bytes) -> bytes | None:
        """Send a POST with a JSON body and return the response body."""
        return await self._send(Method.POST, url, body=body)

    async def _send(
        self, method: Method, url: str, *, eventual: bool = False, priority: bool = False, body: bytes | None = None
    ) -> bytes | None:
        token = self.credential.current
        slots = self._priority_slots if priority and not self._priority_slots.locked() else self._slots
        try:
            return await self._try(slots, _request(method, url, eventual=eventual, body=body))
        except Refused as error:
            if not self._may_be_the_token(error):
                raise
        await self.credential.renew(token)
        return await self._try(slots, _request(method, url, eventual=eventual, body=body))

    def _may_be_the_token(self, error: Refused) -> bool:
        """Return whether a new token can help: the cached one was revoked, or is older than a permission."""
        if error.status == HTTPStatus.FORBIDDEN:
            return self.credential.age_s > _OLD_TOKEN_S
        return error.status == HTTPStatus.UNAUTHORIZED

    async def _try(self, slots: asyncio.Semaphore, request: RequestInformation) -> bytes | None:
        async with slots:
            try:
                with translated():
                    async with asyncio.timeout(_REQUEST_S):
                        answer: bytes | None = await self._adapter.send_primitive_async(request, "bytes", ERROR_MAP)
            except Transient as error:
                if error.code != "throttled" or error.retry_after_s is not None:
                    raise
                # with a wait, the message is deferred and not counted as a failed delivery
                raise Transient(str(error), code=error.code, retry_after_s=self.throttle.left_s) from error
        return answer

    async def close(self) -> None:
        """Close the connections, including the transport, which the SDK's wrapper does not close."""
        await self._http.aclose()
        await self._transport.aclose()
        await self.credential.close()


def _request(method: Method, url: str, *, eventual: bool, body: bytes | None) -> RequestInformation:
    request = RequestInformation()
    request.http_method = method
    request.url = url
    request.headers = HeadersCollection()
    request.headers.add("Accept", "application/json")
    request.headers.add("x-ms-throttle-priority", "low")
    if eventual:
        request.headers.add("ConsistencyLevel", "eventual")
    if body is not None:
        request.set_stream_content(body, "application/json")
    return request


async def _refuse_detours(response: httpx.Response) -> None:
    """Raise for a redirect or a partial response, whose body the SDK would take for the answer."""
    if response.status_code != HTTPStatus.OK and response.status_code < HTTPStatus.BAD_REQUEST:
        raise of_status(response.status_code, "", response.headers)
