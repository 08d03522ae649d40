"""To which addresses customers' hosts may lead: public ones, so that no name can lead into the operator's network.

A name is looked up, its addresses are judged, and the connection is made to just those: nothing is looked up again in
between that could have changed meanwhile. Hosts that the operator has set may be anywhere.
"""

import asyncio
import ipaddress
import socket
from time import monotonic
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

from shared.errors import Transient

#: What the registries call global, or do not know, and still leads inside: Azure's own host agent
#: (https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16), site-local addresses, and IPv4
#: in IPv6 of the old form and of local translators.
_INSIDE: Final = tuple(map(ipaddress.ip_network, ("168.63.129.16/32", "fec0::/10", "::/96", "64:ff9b:1::/48")))
#: How long a judged address is used without looking again, in seconds.
_KEPT_S: Final = 60.0


class PublicAddresses(AbstractResolver):
    """Looks up names for aiohttp, and for whoever asks; `own` are the operator's hosts."""

    def __init__(self, own: frozenset[str] = frozenset()) -> None:
        self._own = own
        self._kept: dict[str, tuple[float, list[str]]] = {}

    async def addresses(self, host: str) -> list[str]:
        """Return the addresses of a host. Raises: Transient if it leads elsewhere than to public ones; OSError."""
        kept = self._kept.get(host)
        if kept is not None and kept[0] > monotonic():
            return kept[1]
        found = await asyncio.get_running_loop().getaddrinfo(
            host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        if host not in self._own and not all(map(is_public, addresses)):
            raise Transient(
                f"The name {host} leads to an address that is not public; nothing was sent there.",
                code="address_not_public",
            )
        self._kept[host] = (monotonic() + _KEPT_S, addresses)
        return addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host as aiohttp wants them."""
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
        """Hold nothing open."""


def is_public(address: str) -> bool:
    """Tell whether an address, and the one that it may hide, is reachable from everywhere.

    Source: https://www.iana.org/assignments/iana-ipv4-special-registry, and the one for IPv6
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if not found.is_global or found.is_multicast or any(found in network for network in _INSIDE):
        return False
    if isinstance(found, ipaddress.IPv6Address):
        hidden = [found.ipv4_mapped, found.sixtofour, *(found.teredo or ())]
        if found in ipaddress.ip_network("64:ff9b::/96"):
            hidden.append(ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF))
        return all(each.is_global for each in hidden if each is not None)
    return True
