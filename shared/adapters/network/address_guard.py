"""SSRF protection: hosts that customers enter must resolve to public addresses, not into the operator's network.

A host is resolved once, its addresses are verified, and the connection is made to exactly these addresses. They are not
resolved again, which prevents DNS rebinding. Hosts that the operator has set may have private addresses.
"""

import asyncio
import ipaddress
import socket
from time import monotonic
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

from shared.errors import Transient

#: Internal networks that the registries list as global or do not list: Azure's host agent
#: (https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16), site-local addresses,
#: deprecated IPv4-compatible IPv6 addresses, and addresses of local IPv4/IPv6 translators.
_INTERNAL: Final = tuple(map(ipaddress.ip_network, ("168.63.129.16/32", "fec0::/10", "::/96", "64:ff9b:1::/48")))
#: Time for which verified addresses are cached, in seconds.
_KEPT_S: Final = 60.0


class PublicAddresses(AbstractResolver):
    """aiohttp resolver that returns only public addresses, except for `own`, the hosts of the operator."""

    def __init__(self, own: frozenset[str] = frozenset()) -> None:
        self._own = own
        self._cache: dict[str, tuple[float, list[str]]] = {}

    async def addresses(self, host: str) -> list[str]:
        """Return the addresses of a host.

        Raises:
            Transient: if one of them is not public.
            OSError: if the host cannot be resolved.

        """
        cached = self._cache.get(host)
        if cached is not None and cached[0] > monotonic():
            return cached[1]
        results = await asyncio.get_running_loop().getaddrinfo(
            host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        addresses = list(dict.fromkeys(str(result[4][0]) for result in results))
        if host not in self._own and not all(map(is_public, addresses)):
            raise Transient(
                f"The name {host} leads to an address that is not public; nothing was sent there.",
                code="address_not_public",
            )
        self._cache[host] = (monotonic() + _KEPT_S, addresses)
        return addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host in the form that aiohttp expects."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self.addresses(host)
            if family in {socket.AF_UNSPEC, socket.AF_INET6 if ":" in address else socket.AF_INET}
        ]

    async def close(self) -> None:
        """Do nothing: the resolver has no resources to release."""


def is_public(address: str) -> bool:
    """Return whether an address is globally reachable, and likewise an IPv4 address embedded in it.

    Source: https://www.iana.org/assignments/iana-ipv4-special-registry, and the one for IPv6
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if not parsed.is_global or parsed.is_multicast or any(parsed in network for network in _INTERNAL):
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        embedded = [parsed.ipv4_mapped, parsed.sixtofour, *(parsed.teredo or ())]
        if parsed in ipaddress.ip_network("64:ff9b::/96"):
            embedded.append(ipaddress.IPv4Address(int(parsed) & 0xFFFF_FFFF))
        return all(is_public(str(ipv4)) for ipv4 in embedded if ipv4 is not None)
    return True
