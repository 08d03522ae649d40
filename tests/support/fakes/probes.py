"""A deployment that is well, unless a test says otherwise."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from shared.errors import SyncError
from shared.ports.platform import Clock


class FakeProbes:
    """`DependencyProbes` of nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        #: What goes wrong, by dependency; and how far the clocks of the others are ahead.
        self.wrong: dict[str, SyncError] = {}
        self.ahead = timedelta()
        self.further: list[str] = []
        self.depths: dict[str, int] = {"sync-requests": 0, "sync-requests-poison": 0}

    async def accounts(self) -> Sequence[str]:
        """Return the names of the further storage accounts."""
        self._try("accounts")
        return self.further

    async def tables(self, account: str = "") -> datetime | None:
        """Return what time it is in storage."""
        self._try(f"tables {account}".strip())
        return self._clock.now() + self.ahead

    async def queues(self) -> Mapping[str, int]:
        """Return how many messages each queue has."""
        self._try("queues")
        return self.depths

    async def vault(self) -> None:
        """Read a secret, to verify that secrets can be read."""
        self._try("vault")

    async def login(self) -> datetime | None:
        """Return what time it is at the login service."""
        self._try("login")
        return self._clock.now() + self.ahead

    def _try(self, name: str) -> None:
        if name in self.wrong:
            raise self.wrong[name]
