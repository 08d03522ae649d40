"""Opens directories. Clients are cached by credentials, so that the jobs of a run share one token."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from shared.adapters.entra.sessions import EntraSession
from shared.adapters.network.address_guard import PublicAddresses
from shared.domain.connections.entra.credentials import Credentials
from shared.runtime.gc_control import gc_paused

if TYPE_CHECKING:
    from shared.adapters.entra.client import GraphClient
    from shared.adapters.entra.credential import NetworkContext
    from shared.adapters.entra.request_coalescer import RequestCoalescer
    from shared.adapters.entra.session import GraphSession

#: Cached clients, each with a token and a few connections.
_KEPT: Final = 64
#: Lifetime of an unused client, in seconds: a deleted secret must not stay in memory.
_KEPT_S: Final = 300.0


class GraphDirectoryFactory:
    """`EntraSessions` over Microsoft Graph."""

    def __init__(self, *, own_hosts: frozenset[str] = frozenset(), managed_identity: str | None = None) -> None:
        """Allow public addresses and the operator's `own_hosts`; `managed_identity` is a client id."""
        self._addresses = PublicAddresses(own_hosts)
        self._identity = managed_identity
        self._clients: OrderedDict[str, _Shared] = OrderedDict()
        self._used: dict[str, int] = {}
        self._left_s: dict[str, float] = {}

    @asynccontextmanager
    async def open(self, credentials: Credentials) -> AsyncIterator[EntraSession]:
        """Open the directory of these credentials. Opening sends no request."""
        sdk = _sdk()
        key = _key(credentials)
        if key not in self._clients:
            network = sdk.network(addresses=self._addresses, managed_identity_client_id=self._identity)
            client = sdk.client(credentials, network)
            self._clients[key] = _Shared(client, sdk.coalescer(client))
        self._clients.move_to_end(key)
        self._used[key] = self._used.get(key, 0) + 1
        directory = sdk.directory(*self._clients[key])
        try:
            yield directory
        finally:
            try:
                await directory.close()
            finally:
                self._used[key] -= 1
                self._left_s[key] = monotonic()
                await self._forget_idle()

    async def _forget_idle(self) -> None:
        idle = [key for key in self._clients if not self._used[key]]
        too_many = max(0, len(self._clients) - _KEPT)
        too_old_s = monotonic() - _KEPT_S
        # clients are removed before the first await, so that none is opened while it is being closed
        forgotten = [key for place, key in enumerate(idle) if place < too_many or self._left_s[key] < too_old_s]
        clients = [self._clients.pop(key) for key in forgotten]
        for key in forgotten:
            del self._used[key], self._left_s[key]
        for client in clients:
            await client.close()

    async def close(self) -> None:
        """Close all connections."""
        clients = list(self._clients.values())
        self._clients.clear()
        for client in clients:
            await client.close()


class _Shared(NamedTuple):
    """A client and the coalescer of its requests, for all directories that are opened with the same credentials."""

    client: "GraphClient"
    coalescer: "RequestCoalescer"

    async def close(self) -> None:
        """Close the connections."""
        await self.coalescer.close()
        await self.client.close()


class _Sdk(NamedTuple):
    """Types that are imported only when a directory is opened."""

    client: "type[GraphClient]"
    coalescer: "type[RequestCoalescer]"
    network: "type[NetworkContext]"
    directory: "type[GraphSession]"


@cache
@gc_paused()
def _sdk() -> _Sdk:
    """Import the SDK at first use: it takes 0.5 s and more."""
    from shared.adapters.entra.client import GraphClient  # noqa: PLC0415 - only here
    from shared.adapters.entra.credential import NetworkContext  # noqa: PLC0415 - as above
    from shared.adapters.entra.request_coalescer import RequestCoalescer  # noqa: PLC0415 - as above
    from shared.adapters.entra.session import GraphSession  # noqa: PLC0415 - as above

    return _Sdk(GraphClient, RequestCoalescer, NetworkContext, GraphSession)


def _key(credentials: Credentials) -> str:
    """Return a hash of the credentials, so that the cache keeps no secret."""
    parts = (
        credentials.azure_tenant_id,
        credentials.client_id,
        credentials.endpoints.login,
        credentials.endpoints.graph,
        repr(type(credentials.proof)),
        *msgspec.structs.astuple(credentials.proof),
    )
    return sha256("\n".join(parts).encode()).hexdigest()
