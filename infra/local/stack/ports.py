"""TCP ports of 127.0.0.1: which the stack uses, and which are free."""

import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import astuple, dataclass, fields
from typing import Self

LOCALHOST = "127.0.0.1"

_FIRST_UNPRIVILEGED, _LAST = 1024, 65_535


class PortsUnavailable(Exception):
    """The stack cannot listen where it was told to; the message says how to choose other ports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where each part of the stack listens. The defaults are those of Core Tools and Azurite where they have some."""

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
        """Ports that nobody uses at this moment."""
        return cls._in_order(free_ports(len(fields(cls))))

    @classmethod
    def chosen(cls, environment: Mapping[str, str]) -> Self:
        """The defaults, or successive ports from `PORT_BASE` on.

        Raises:
            PortsUnavailable: `PORT_BASE` is no usable number.
        """
        base = environment.get("PORT_BASE")
        if not base:
            return cls()
        count = len(fields(cls))
        if not base.isdecimal() or not _FIRST_UNPRIVILEGED <= int(base) <= _LAST - count:
            raise PortsUnavailable(
                f"PORT_BASE is {base!r}; give a number from {_FIRST_UNPRIVILEGED} to {_LAST - count}."
            )
        return cls._in_order(list(range(int(base), int(base) + count)))

    @classmethod
    def _in_order(cls, numbers: list[int]) -> Self:
        return cls(**dict(zip((field.name for field in fields(cls)), numbers, strict=True)))

    def check(self) -> None:
        """Every port is free.

        Raises:
            PortsUnavailable: One is in use; names it.
        """
        names = [field.name.replace("_", " ") for field in fields(self)]
        taken = [f"{port} ({name})" for name, port in zip(names, astuple(self), strict=True) if not is_free(port)]
        if taken:
            raise PortsUnavailable(
                f"Port {', '.join(taken)} of {LOCALHOST} is in use: end that program (`make down`, if it is a "
                "stack that crashed), or move the whole stack to other ports, as in `make up PORT_BASE=21000`."
            )


def free_ports(count: int) -> list[int]:
    """`count` different ports that nobody listens on at this moment; taken from the system's ephemeral range."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOCALHOST, 0))
        return [each.getsockname()[1] for each in sockets]


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now. A connection that is still closing does not count as use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCALHOST, port))
        except OSError:
            return False
    return True
