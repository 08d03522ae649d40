"""TCP ports of 127.0.0.1: the ports of the stack, and a search for free ones."""

import random
import socket
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from itertools import islice
from typing import Self

LOCALHOST = "127.0.0.1"

_FIRST_UNPRIVILEGED, _LAST = 1024, 65_535
#: Above the ports of common programs and below those that Linux gives to outgoing connections (`ip_local_port_range`).
_SEARCHED = range(25_000, 32_768)


class PortsUnavailable(Exception):
    """The stack cannot listen on its ports. The message says how to choose other ports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The port of each part. The defaults are those of Core Tools and Azurite for the parts that have one."""

    host: int = 7071
    blob: int = 10_000
    queue: int = 10_001
    table: int = 10_002
    key_vault: int = 23_443
    login: int = 23_444
    graph: int = 23_445
    simulator_admin: int = 23_446

    @classmethod
    def free(cls) -> Self:
        """Return ports that are free at the moment of the call."""
        return cls._in_order(free_ports(len(fields(cls))))

    @classmethod
    def chosen(cls, environment: Mapping[str, str]) -> Self:
        """Return the default ports, or successive ports from `PORT_BASE` on.

        Raises:
            PortsUnavailable: `PORT_BASE` is not a usable number.
        """
        base = environment.get("PORT_BASE")
        if not base:
            return cls()
        count = len(fields(cls))
        if not base.isdecimal() or not _FIRST_UNPRIVILEGED <= int(base) <= _LAST - count:
            raise PortsUnavailable(
                f"Invalid PORT_BASE {base!r}: use a number from {_FIRST_UNPRIVILEGED} to {_LAST - count}."
            )
        return cls._in_order(list(range(int(base), int(base) + count)))

    @classmethod
    def _in_order(cls, numbers: list[int]) -> Self:
        return cls(**dict(zip((field.name for field in fields(cls)), numbers, strict=True)))

    def check(self) -> None:
        """Check that every port is free.

        Raises:
            PortsUnavailable: A port is in use. The message names it.
        """
        names = [field.name.replace("_", " ") for field in fields(self)]
        taken = [f"{port} ({name})" for name, port in zip(names, astuple(self), strict=True) if not is_free(port)]
        if taken:
            raise PortsUnavailable(
                f"Port {', '.join(taken)} of {LOCALHOST} is in use: end that program (`make down`, if it is a "
                "stack that crashed), or move the whole stack to other ports, as in `make up PORT_BASE=21000`."
            )


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that are free now.

    They are chosen at random, so that two processes that search at the same time hardly ever find the same ones, and no
    outgoing connection takes one of them before its server listens.
    """
    candidates = random.SystemRandom().sample(_SEARCHED, len(_SEARCHED))
    return list(islice(filter(is_free, candidates), count))


def is_free(port: int) -> bool:
    """Return whether a server can listen on `port` now. A connection that is being closed does not occupy it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCALHOST, port))
        except OSError:
            return False
    return True
