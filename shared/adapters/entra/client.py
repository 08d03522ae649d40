"""One customer's client of Microsoft Graph: the SDK's adapter, with what it lacks put around it.

No redirects, no proxies from the environment, requests counted and paced, short waits only; longer ones belong to the
queue.
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

from shared.adapters.entra.credential import Outside, RenewableCredential
from shared.adapters.entra.errors import ERROR_MAP, Refused, of_status, translated
from shared.adapters.entra.retry_after import MAX_WAIT_S, retry_after_s
from shared.adapters.entra.throttle import REFUSALS, Pace
from shared.adapters.network.address_guard import PublicAddresses
from shared.adapters.network.tls import tls_context
from shared.domain.connections.connection import Credentials
from shared.errors import Transient
from shared.telemetry import count_graph_request

_RETRIES: Final = 2
#: Requests of one customer under way at the same time, and how many more of those that go in front of the others.
_CONCURRENT: Final = 16
_IN_FRONT: Final = 1
#: Longest silence within a request, and longest request with its retries, in seconds.
_SILENCE_S: Final = 30.0
_REQUEST_S: Final = 90.0
#: What of an answer is handed on at once, and kept before no more is read: a page of users comes in a few pieces.
_CHUNK_BYTES: Final = 1024 * 1024
#: Where many requests are one. Its own answer says nothing about limits; those of its parts do.
_BATCH: Final = "/$batch"
#: A token this old, in seconds, may lack what was granted meanwhile: on a 403 it is renewed, but no more often.
_OLD_TOKEN_S: Final = 300.0

# GraphServiceClient, which we do without, would do it; without it the SDK reads no error's code
register_default_deserializer(JsonParseNodeFactory)


class _Transport(AiohttpTransport):
    """Lets every request, those of the retry handler included, go when it may, counts it, and judges where it goes to.

    aiohttp beneath httpx takes less than half of the CPU for a page of users;
    docs/performance/results.md has the numbers.
    """

    def __init__(self, addresses: PublicAddresses, pace: Pace) -> None:
        self._addresses = addresses
        self._pace = pace
        super().__init__(client=self._session, verify=tls_context(), trust_env=False)

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls_context(), resolver=self._addresses),
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_CHUNK_BYTES,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with self._pace.passage() as sent_s:
            count_graph_request()
            try:
                await self._addresses.addresses(request.url.host)  # aiohttp asks nobody about a host that is an address
            except OSError as error:
                raise httpx.ConnectError(f"{request.url.host} could not be looked up", request=request) from error
            response = await super().handle_async_request(request)
            if isinstance(response.stream, AiohttpResponseStream):
                response.stream.CHUNK_SIZE = _CHUNK_BYTES
            if response.status_code != HTTPStatus.OK or not request.url.path.endswith(_BATCH):
                self._pace.heard(response.status_code, response.headers, sent_s=sent_s)
        return response


class _NoCookies(httpx.Cookies):
    """Keeps none. To look for cookies in an answer takes longer than to send its request."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Leave them where they are."""


class _Client(httpx.AsyncClient):
    """Keeps no cookies."""

    cookies = _NoCookies()  # type: ignore[override] # nobody sets others


class _ShortRetries(RetryHandler):
    """The SDK's retries, but only where the wait is short; and where it is the pace that waits, no wait besides."""

    def get_delay_time(self, retry_count: int, response: httpx.Response | None = None, delay: float = 0.0) -> float:
        """Return how long to sleep before the next try, in seconds; MAX_DELAY means that there is none."""
        if response is None or response.status_code not in REFUSALS:
            return float(super().get_delay_time(retry_count, response, delay))
        told_s = retry_after_s(response.headers)
        return float(RetryHandlerOption.MAX_DELAY) if told_s is not None and told_s > MAX_WAIT_S else 0.0


class GraphClient:
    """Sends requests with one customer's credentials and returns answers as bytes."""

    def __init__(self, credentials: Credentials, outside: Outside) -> None:
        self.graph = credentials.endpoints.graph
        self.scope = f"{self.graph}/.default"
        self.credential = RenewableCredential(credentials, outside)
        #: Whoever learns outside of an answer's headers how much Graph takes, tells it here.
        self.pace = Pace(_CONCURRENT + _IN_FRONT)
        self._slots = asyncio.Semaphore(_CONCURRENT)
        self._slots_in_front = asyncio.Semaphore(_IN_FRONT)
        # tokens for continuous access evaluation live a day, and with them what was or was not granted
        provider = AzureIdentityAuthenticationProvider(
            self.credential, scopes=[self.scope], allowed_hosts=[httpx.URL(self.graph).host], is_cae_enabled=False
        )
        self._transport = _Transport(outside.addresses, self.pace)
        self._http = GraphClientFactory.create_with_custom_middleware(
            middleware=[_ShortRetries(RetryHandlerOption(delay=0.5, max_retries=_RETRIES))],
            client=_Client(
                transport=self._transport,
                timeout=_SILENCE_S,
                trust_env=False,
                follow_redirects=False,
                event_hooks={"response": [_refuse_detours]},
            ),
        )
        self._adapter = GraphRequestAdapter(provider, self._http)
        self._adapter.observability_options.include_euii_attributes = False  # links name people and hold tokens

    async def get(self, url: str, *, eventual: bool = False, in_front: bool = False) -> bytes | None:
        """Return the body of a GET. Raises: the tree of `shared.errors`.

        `eventual` allows an advanced query. `in_front` is for requests each of which waits for the one before it, so
        that they do not wait for all others besides.
        """
        return await self._send(Method.GET, url, eventual=eventual, in_front=in_front)

    async def post(self, url: str, body: bytes) -> bytes | None:
        """Return the body of the answer to a POST of JSON."""
        return await self._send(Method.POST, url, body=body)

    async def _send(
        self, method: Method, url: str, *, eventual: bool = False, in_front: bool = False, body: bytes | None = None
    ) -> bytes | None:
        token = self.credential.current
        slots = self._slots_in_front if in_front and not self._slots_in_front.locked() else self._slots
        try:
            return await self._try(slots, _request(method, url, eventual=eventual, body=body))
        except Refused as error:
            if not self._may_be_the_token(error):
                raise
        await self.credential.renew(token)
        return await self._try(slots, _request(method, url, eventual=eventual, body=body))

    def _may_be_the_token(self, error: Refused) -> bool:
        """Tell whether a new token can help: the cached one was revoked, or is older than a permission."""
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
                # a message that is put back for a while is not counted as one that failed
                raise Transient(str(error), code=error.code, retry_after_s=self.pace.left_s) from error
        return answer

    async def close(self) -> None:
        """Close the connections; the SDK's wrapper of the transport would leave them open."""
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
    """Let pass complete answers and errors; the SDK takes the body of a redirect, or a part, for the answer."""
    if response.status_code != HTTPStatus.OK and response.status_code < HTTPStatus.BAD_REQUEST:
        raise of_status(response.status_code, "", response.headers)
