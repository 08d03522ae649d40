"""Ports of the stack."""

import socket
from dataclasses import astuple

import pytest

from infra.local.stack.ports import Ports, PortsUnavailable


def test_a_port_in_use_is_named_with_the_way_out() -> None:
    """One sentence has the port, the part that wanted it and how to choose others."""
    ports = Ports.free()
    with socket.create_server(("127.0.0.1", ports.queue)):
        with pytest.raises(PortsUnavailable) as refused:
            ports.check()
        assert str(refused.value).startswith(f"Port {ports.queue} (queue) of 127.0.0.1 is in use")
        assert "PORT_BASE=21000" in str(refused.value)
    ports.check()


def test_free_ports_are_different() -> None:
    """Each part has a port of its own."""
    assert len(set(astuple(Ports.free()))) == len(astuple(Ports()))


def test_port_base_moves_every_port() -> None:
    """From the base on, one after the other; without it, the usual ones."""
    assert astuple(Ports.chosen({"PORT_BASE": "21000"})) == tuple(range(21_000, 21_008))
    assert Ports.chosen({}) == Ports()


@pytest.mark.parametrize("base", ["80", "65530", "many", "-1"])
def test_an_unusable_port_base_is_refused(base: str) -> None:
    """The sentence has what was given and what can be."""
    with pytest.raises(PortsUnavailable, match="use a number from 1024 to"):
        Ports.chosen({"PORT_BASE": base})
