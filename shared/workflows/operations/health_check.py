"""Doctor: tries everything that a deployment depends on, and says for each what is wrong and what to do."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from shared.domain.connections.validation_report import Check, CheckStatus
from shared.domain.sync.jobs import POISON_SUFFIX
from shared.errors import Misconfigured, SyncError
from shared.ports.operations import DependencyProbes
from shared.ports.platform import Clock

#: How far clocks may be apart, in seconds: tokens are believed for five minutes on either side.
_SKEW_S: Final = 60.0
#: More messages than a healthy deployment has waiting.
_MANY: Final = 10_000
T = TypeVar("T")


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. `at` is the server's own time."""

    ok: bool
    at: datetime
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doctor:
    """Examines the deployment that it runs in. No answer holds a secret: nothing that failed is quoted but our own."""

    probes: DependencyProbes
    clock: Clock

    async def __call__(self) -> Diagnosis:
        """Return every check; one that fails stops no other."""
        (tables, stored_at), further, (queues, depths), (vault, _), (login, login_at) = await asyncio.gather(
            _tried("tables", "Table Storage", self.probes.tables()),
            self._further(),
            _tried("queues", "Queue Storage", self.probes.queues()),
            _tried("key_vault", "Key Vault", self.probes.vault()),
            _tried("login", "The login service", self.probes.login()),
        )
        now = self.clock.now()
        checks = [Check.passed("settings", "All settings are valid"), tables, *further, queues]
        checks += [_depth(name, number) for name, number in sorted((depths or {}).items())]
        checks += [vault, login, _clock("storage", stored_at, now), _clock("the login service", login_at, now)]
        return Diagnosis(ok=all(check.status is not CheckStatus.FAIL for check in checks), at=now, checks=tuple(checks))

    async def _further(self) -> list[Check]:
        """Return a check for each further storage account; one that says which there are only where it fails."""
        asked, names = await _tried("accounts", "The assignment of tenants to storage accounts", self.probes.accounts())
        tried = [
            _tried(f"tables_{name}", f"Table Storage of the account {name!r}", self.probes.tables(name))
            for name in names or ()
        ]
        return [asked] if names is None else [check for check, _ in await asyncio.gather(*tried)]


async def _tried(id_: str, name: str, work: Awaitable[T]) -> tuple[Check, T | None]:
    try:
        found = await work
    except Misconfigured as error:
        fix = "Assign the named role or correct the named setting. It takes some minutes to take effect."
        return Check.failed(id_, f"{name} does not work", str(error), fix), None
    except SyncError as error:
        fix = "Check that the service is up and that the network of the app allows access, then try again."
        return Check.failed(id_, f"{name} cannot be reached", str(error), fix), None
    return Check.passed(id_, f"{name} works"), found


def _depth(name: str, number: int) -> Check:
    id_, about = f"queue_{name}", f"{name} has {number} messages"
    if number > 0 and name.endswith(POISON_SUFFIX):
        fix = "They are recorded within a minute. If they stay, check that the queue triggers of the app run."
        return Check(id=id_, status=CheckStatus.WARN, title=about, detail="Messages failed on every delivery.", fix=fix)
    if number > _MANY:
        fix = "Check that the queue triggers of the app run, and the scale-out limit of the app."
        return Check(
            id=id_, status=CheckStatus.WARN, title=about, detail="More messages than usual are waiting.", fix=fix
        )
    return Check.passed(id_, about)


def _clock(where: str, there: datetime | None, here: datetime) -> Check:
    id_ = f"clock_{where.rsplit(maxsplit=1)[-1]}"
    if there is None:
        return Check.skipped(id_, f"The time of {where} is unknown", "The service did not return its time.")
    apart_s = abs((there - here).total_seconds())
    if apart_s > _SKEW_S:
        detail = f"The clocks of the app and of {where} differ by {apart_s:.0f} s. Tokens are refused above 300 s."
        return Check.failed(id_, "The clocks differ", detail, "Turn on time synchronization on the machine of the app.")
    return Check.passed(id_, f"The clocks of the app and of {where} agree")
