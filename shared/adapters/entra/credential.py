"""A tenant's credential at the login service: one cached token, which can be discarded while it is in use."""

import asyncio
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic, time
from typing import Any, ClassVar, Final

import msgspec
from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ClientAuthenticationError, ServiceResponseError
from azure.identity.aio import CertificateCredential, ClientAssertionCredential, ClientSecretCredential

from shared.adapters.entra.errors import passes_by_itself
from shared.adapters.entra.login_answer import require_usable
from shared.adapters.entra.retry_after import retry_after_s
from shared.adapters.network.address_guard import PublicAddresses
from shared.adapters.network.bounded_response import BoundedResponse
from shared.adapters.network.transport import DirectTransport, managed_identity
from shared.domain.connections.entra.credentials import (
    CLOUD_ENDPOINTS,
    ClientCertificate,
    ClientSecret,
    Cloud,
    Credentials,
    FederatedIdentity,
)
from shared.domain.connections.entra.endpoints import CHINA_BY_PARTNER
from shared.domain.retry_policy import LOGIN_REQUEST
from shared.errors import Misconfigured, NeedsAttention, Transient

_CONNECT_S: Final = 10.0
_READ_S: Final = 30.0
#: Remaining lifetime at which a token is requested again, in seconds: the SDK's credentials renew theirs from then on,
#: if they live for less than two hours. Source: azure-core's BearerTokenCredentialPolicy, which keeps tokens as well
_LEFT_S: Final = 300.0


#: Audience of a managed identity's token that is exchanged for an application's; other logins use the global one.
#: Source: https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations (audience)
_EXCHANGE: Final = {
    CLOUD_ENDPOINTS[Cloud.USGOV].login: "api://AzureADTokenExchangeUSGov",
    CLOUD_ENDPOINTS[Cloud.CHINA].login: "api://AzureADTokenExchangeChina",
    CHINA_BY_PARTNER.login: "api://AzureADTokenExchangeChina",
}
_GLOBAL_EXCHANGE: Final = "api://AzureADTokenExchange"


class NetworkContext(msgspec.Struct, frozen=True, kw_only=True):
    """Deployment-wide context of a tenant's client: allowed network addresses, and the app's managed identity."""

    addresses: PublicAddresses = msgspec.field(default_factory=PublicAddresses)
    managed_identity_client_id: str | None = None


class _LoginTransport(DirectTransport):
    """Reports outages as outages: azure-identity blames the credentials, or fails on HTML. Answers are bounded."""

    _reading: ClassVar[Mapping[str, Any]] = {"auto_decompress": True, "response_class": BoundedResponse}

    async def send(self, request: Any, **config: Any) -> Any:  # noqa: ANN401 - the SDK's
        """Return a response of the login service itself. Raises ServiceResponseError, which is retried."""
        response = await super().send(request, **config)
        status = response.status_code
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            wait_s = retry_after_s(response.headers)
            if wait_s is not None and wait_s > LOGIN_REQUEST.max_wait_s:  # the SDK would sleep that long
                raise Transient(
                    f"The login service answered {status}; try again later.", code="login_busy", retry_after_s=wait_s
                )
            raise ServiceResponseError(f"the login service answered {status}")
        if "json" not in (response.content_type or ""):
            raise ServiceResponseError("the login service gave no JSON")
        require_usable(status, response.body())
        return response


class _Federated:
    """The app's managed identity: its token, fetched in advance, is the assertion."""

    def __init__(self, credentials: Credentials, network: NetworkContext) -> None:
        exchange = _EXCHANGE.get(credentials.endpoints.login, _GLOBAL_EXCHANGE)
        self._scope = f"{exchange}/.default"
        self._identity = managed_identity(network.managed_identity_client_id)
        self._assertion = ""
        options = _credential_options(credentials, network)
        self._credential = ClientAssertionCredential(func=lambda: self._assertion, **options)

    async def get_token(self, *scopes: str, **words: Any) -> Any:  # noqa: ANN401 - the SDK's token
        """Return a token. Raises Transient if the app has no managed identity."""
        try:
            self._assertion = (await self._identity.get_token(self._scope)).token
        except (Misconfigured, Transient) as error:  # also what is raised without any identity
            raise Transient(
                "The app's own managed identity gave no token; the operator has to assign it.", code="identity"
            ) from error
        return await self._credential.get_token(*scopes, **words)

    async def close(self) -> None:
        """Close the connections."""
        await self._identity.close()
        await self._credential.close()


class _WithCertificate:
    """The SDK's credential for a certificate, created in a thread: verifying a key of 4096 bits takes 0.3 s."""

    def __init__(self, text: str, options: dict[str, Any]) -> None:
        self._text = text
        self._options = options
        self._credential: CertificateCredential | None = None

    async def get_token(self, *scopes: str, **words: Any) -> Any:  # noqa: ANN401 - the SDK's token
        """Return a token. Raises NeedsAttention for an unusable certificate."""
        if self._credential is None:
            self._credential = await asyncio.to_thread(self._create)
        return await self._credential.get_token(*scopes, **words)

    def _create(self) -> CertificateCredential:
        try:
            data = self._text.encode() if "-----BEGIN" in self._text else b64decode(self._text)
            return CertificateCredential(certificate_data=data, **self._options)
        except ValueError as error:
            raise NeedsAttention(
                "The certificate in Key Vault cannot be used; enter it again.", code="invalid_certificate"
            ) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._credential is not None:
            await self._credential.close()


def _credential_options(credentials: Credentials, network: NetworkContext) -> dict[str, Any]:
    """Return the options that all SDK credentials share."""
    return {
        "tenant_id": credentials.azure_tenant_id,
        "client_id": credentials.client_id,
        "authority": credentials.endpoints.login,
        "disable_instance_discovery": True,
        "transport": _LoginTransport(resolver=network.addresses, connection_timeout=_CONNECT_S, read_timeout=_READ_S),
        "retry_total": LOGIN_REQUEST.retries,
        "retry_backoff_factor": LOGIN_REQUEST.first_wait_s,
    }


def sdk_credential(credentials: Credentials, network: NetworkContext) -> Any:  # noqa: ANN401 - the SDK's
    """Return the azure-identity credential for a proof."""
    match credentials.proof:
        case ClientSecret(value=secret):
            return ClientSecretCredential(client_secret=secret, **_credential_options(credentials, network))
        case ClientCertificate(value=text):
            return _WithCertificate(text, _credential_options(credentials, network))
        case FederatedIdentity():
            return _Federated(credentials, network)


@dataclass(slots=True)
class _Login:
    """One SDK credential with its cache; closed when it is retired and no request waits for it."""

    credential: Any
    since_s: float
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    retired: bool = False
    #: The last token and its arguments: looking it up in the SDK's cache takes longer than sending a request.
    kept: AccessToken | None = None
    kept_for: object = None

    async def close_if_done(self) -> None:
        if self.retired and not self.waiting:
            await self.credential.close()


async def _patiently(credential: Any, scopes: tuple[str, ...], words: dict[str, Any]) -> Any:  # noqa: ANN401 - SDK's
    """Return a token; retry transient refusals, which the SDK takes for permanent ones."""
    for attempt in range(LOGIN_REQUEST.retries):
        try:
            return await credential.get_token(*scopes, **words)
        except ClientAuthenticationError as error:
            if not passes_by_itself(error):
                raise
        await asyncio.sleep(LOGIN_REQUEST.wait_s(attempt))
    return await credential.get_token(*scopes, **words)


class RenewableCredential(AsyncTokenCredential):
    """A tenant's credential for the SDK's authentication provider."""

    def __init__(self, credentials: Credentials, network: NetworkContext) -> None:
        self._credentials = credentials
        self._network = network
        self._login = self._build()

    def _build(self) -> _Login:
        return _Login(sdk_credential(self._credentials, self._network), monotonic())

    @property
    def current(self) -> object:
        """Identifies the present token for `renew`."""
        return self._login

    @property
    def kept_token(self) -> str | None:
        """The text of the token that the last request used; None before the first one."""
        return self._login.kept.token if self._login.kept is not None else None

    @property
    def age_s(self) -> float:
        """Seconds since a token was last discarded."""
        return monotonic() - self._login.since_s

    async def renew(self, used: object = None) -> None:
        """Discard the cached token, unless it was renewed already since `used` was current.

        Requests in flight keep the credential that they began with.
        """
        if used is not None and used is not self._login:
            return
        old, self._login = self._login, self._build()
        old.retired = True
        await old.close_if_done()

    async def get_token(self, *scopes: str, **words: Any) -> Any:  # noqa: ANN401 - the SDK's token
        """Return a token, cached while it is valid; concurrent callers share one request for a new one."""
        login, request = self._login, (scopes, words)
        if login.kept is not None and login.kept_for == request and login.kept.expires_on - time() > _LEFT_S:
            return login.kept
        login.waiting += 1
        try:
            async with login.one_at_a_time:
                login.kept, login.kept_for = await _patiently(login.credential, scopes, words), request
                return login.kept
        finally:
            login.waiting -= 1
            await login.close_if_done()

    async def close(self) -> None:
        """Close the connections."""
        self._login.retired = True
        await self._login.close_if_done()

    async def __aexit__(self, *_: object) -> None:
        await self.close()
