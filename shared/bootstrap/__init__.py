"""Composition root: wires adapters to workflows. Each workflow is built when it is first used.

The features form a chain, in which each may use the workflows of those before it: `runs`, `connections`, `recipients`,
`imports`, `tenants`, `sync`, `supervision`, `operations`.
"""

from contextlib import suppress
from functools import cache

from shared.bootstrap.adapters import deployed_ports, export_telemetry
from shared.bootstrap.operations import OperationWiring
from shared.bootstrap.wiring import Ports
from shared.errors import Misconfigured
from shared.ports.queues import JobQueue
from shared.runtime.gc_control import gc_paused
from shared.settings import load


class App(OperationWiring):
    """All workflows of the product."""

    @property
    def queue(self) -> JobQueue:
        """The queues."""
        return self.ports.queue


@cache
@gc_paused()
def app() -> App:
    """Return the app of this process, on the adapters that its settings name. Raises: Misconfigured."""
    settings = load()
    return App(deployed_ports(settings), settings)


@cache
def start_telemetry() -> None:
    """Export telemetry from now on, if the settings say where to. Only `app` reports settings that are wrong."""
    with suppress(Misconfigured):
        settings = load().telemetry
        if settings is not None:
            export_telemetry(settings)


__all__ = ["App", "Ports", "app", "start_telemetry"]
