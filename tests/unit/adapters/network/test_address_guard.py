"""To which addresses a customer's host may lead."""

import asyncio
import socket
from typing import Any

import pytest

from shared.adapters.network.address_guard import PublicAddresses, is_public
from shared.errors import Transient


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104
        "224.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1", "2002:a00:1::",
        "::ffff:168.63.129.16", "64:ff9b::a83f:8110", "2002:a83f:8110::1", "2001:0:a83f:8110::",
        "::ffff:224.0.0.1", "64:ff9b::e000:1", "2002:e000:1::1", "2002:7f00:1::", "2002:c0a8:101::", "64:ff9b::7f00:1",
        "168.63.129.16", "fec0::1", "::127.0.0.1", "64:ff9b:1::1", "2001:0:a00:1::",
    ],
)  # fmt: skip
def test_addresses_inside_are_not_public(address: str) -> None:
    """Loopback, private, link-local with the metadata service, shared, multicast; and those that hide one of them."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["20.190.128.1", "2603:1006:2000::1", "::ffff:20.190.128.1", "64:ff9b::14be:8001"])
def test_addresses_of_everybody_are_public(address: str) -> None:
    """Those of the login service, also through a translator."""
    assert is_public(address)


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What each name leads to, in place of the real name service: one look after the other, the last for ever."""
    known: dict[str, list[str]] = {}

    async def getaddrinfo(host: str, *_: object, **__: object) -> list[Any]:
        found = known[host]
        addresses = found.pop(0) if len(found) > 1 else found[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0)) for each in addresses.split()]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return known


async def test_a_name_that_leads_inside_is_refused(names: dict[str, list[str]]) -> None:
    """Also if only one of its addresses does; the error blames nobody, and is tried again later."""
    names["login.example"] = ["20.190.128.1 10.0.0.1"]
    with pytest.raises(Transient) as refused:
        await PublicAddresses().addresses("login.example")
    assert refused.value.code == "address_not_public"
    assert await PublicAddresses(frozenset({"login.example"})).addresses("login.example") == [
        "20.190.128.1",
        "10.0.0.1",
    ]


async def test_what_was_judged_is_what_is_used(names: dict[str, list[str]]) -> None:
    """A name that leads elsewhere at the next look leads a connection to the judged address all the same."""
    names["login.example"] = ["20.190.128.1", "10.0.0.1"]
    addresses = PublicAddresses()
    assert await addresses.addresses("login.example") == ["20.190.128.1"]
    (resolved,) = await addresses.resolve("login.example", 443)
    assert (resolved["host"], resolved["hostname"], resolved["port"]) == ("20.190.128.1", "login.example", 443)
    with pytest.raises(Transient):
        await PublicAddresses().addresses("login.example")
