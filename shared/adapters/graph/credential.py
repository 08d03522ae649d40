"""The customer's credential at the login service: one cached token, which can be thrown away while it is in use."""

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic
from typing import Any, Final

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ServiceResponseError
from azure.identity.aio import ClientSecretCredential

from shared.adapters.graph.waiting import MAX_WAIT_S, retry_after_s
from shared.adapters.trust import DirectTransport
from shared.domain.connection import Credentials
from shared.errors import Transient

_RETRIES: Final = 2
_BACKOFF_S: Final = 0.5
_CONNECT_S: Final = 10.0
_READ_S: Final = 30.0


class _LoginTransport(DirectTransport):
    """Takes outages for what they are: azure-identity blames the credentials, or stumbles over HTML."""

    async def send(self, request: Any, **config: Any) -> Any:  # noqa: ANN401 - the SDK's
        """Return an answer of the login service itself. Raises: ServiceResponseError, which is tried again."""
        response = await super().send(request, **config)
        status = response.status_code
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            wait_s = retry_after_s(response.headers)
            if wait_s is not None and wait_s > MAX_WAIT_S:  # the SDK would sleep that long
                raise Transient(
                    f"The login service answered {status}; try again later.", code="login_busy", retry_after_s=wait_s
                )
            raise ServiceResponseError(f"the login service answered {status}")
        if "json" not in (response.content_type or ""):
            raise ServiceResponseError("the login service gave no JSON")
        return response


@dataclass(slots=True)
class _Login:
    """One credential of the SDK with its cache; closed when it is retired and nobody waits for it any more."""

    credential: ClientSecretCredential
    since_s: float
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    retired: bool = False

    async def close_if_done(self) -> None:
        if self.retired and not self.waiting:
            await self.credential.close()


class RenewableCredential(AsyncTokenCredential):
    """The customer's credential for the SDK's authentication provider."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._login = self._build()

    def _build(self) -> _Login:
        credential = ClientSecretCredential(
            tenant_id=self._credentials.azure_tenant_id,
            client_id=self._credentials.client_id,
            client_secret=self._credentials.client_secret,
            authority=self._credentials.endpoints.login,
            disable_instance_discovery=True,
            transport=_LoginTransport(connection_timeout=_CONNECT_S, read_timeout=_READ_S),
            retry_total=_RETRIES,
            retry_backoff_factor=_BACKOFF_S,
        )
        return _Login(credential, monotonic())

    @property
    def current(self) -> object:
        """Whatever tells one token's time from the next one's."""
        return self._login

    @property
    def age_s(self) -> float:
        """For how many seconds no token was thrown away."""
        return monotonic() - self._login.since_s

    async def renew(self, used: object = None) -> None:
        """Leave no cached token behind that was there when `used` was current; without `used`, none at all.

        Requests under way keep the credential that they began with.
        """
        if used is not None and used is not self._login:
            return
        old, self._login = self._login, self._build()
        old.retired = True
        await old.close_if_done()

    async def get_token(self, *scopes: str, **words: Any) -> Any:  # noqa: ANN401 - the SDK's token
        """Return a token, from the cache while it is good; many who need a new one at once cause one request."""
        login = self._login
        login.waiting += 1
        try:
            async with login.one_at_a_time:
                return await login.credential.get_token(*scopes, **words)
        finally:
            login.waiting -= 1
            await login.close_if_done()

    async def close(self) -> None:
        """Close the connections."""
        self._login.retired = True
        await self._login.close_if_done()

    async def __aexit__(self, *_: object) -> None:
        await self.close()
