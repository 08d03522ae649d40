"""Doctor: tries everything that a deployment depends on, and says for each what is wrong and what to do."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from shared.domain.connections.validation_report import Check, CheckStatus
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
        checks = [Check.passed("settings", "Every setting is there"), tables, *further, queues]
        checks += [_depth(name, number) for name, number in sorted((depths or {}).items())]
        checks += [vault, login, _clock("storage", stored_at, now), _clock("the login service", login_at, now)]
        return Diagnosis(ok=all(each.status is not CheckStatus.FAIL for each in checks), at=now, checks=tuple(checks))

    async def _further(self) -> list[Check]:
        """Return a check for each further storage account; one that says which there are only where it fails."""
        asked, names = await _tried("accounts", "Which tenant is in which storage account", self.probes.accounts())
        tried = [
            _tried(f"tables_{name}", f"Table Storage of the account {name!r}", self.probes.tables(name))
            for name in names or ()
        ]
        return [asked] if names is None else [check for check, _ in await asyncio.gather(*tried)]


async def _tried(id_: str, name: str, work: Awaitable[T]) -> tuple[Check, T | None]:
    try:
        found = await work
    except Misconfigured as error:
        fix = "Assign the role, or correct the setting, that is named; it takes some minutes to have effect."
        return Check.failed(id_, f"{name} cannot be used", str(error), fix), None
    except SyncError as error:
        fix = "Look whether it is up, and whether the app's network lets it through; then try again."
        return Check.failed(id_, f"{name} cannot be reached", str(error), fix), None
    return Check.passed(id_, f"{name} can be used"), found


def _depth(name: str, number: int) -> Check:
    id_, about = f"queue_{name}", f"{name} has {number} messages"
    if number > 0 and name.endswith("-poison"):
        fix = "They are recorded within a minute; if they stay, see whether the app's queue triggers run."
        return Check(id=id_, status=CheckStatus.WARN, title=about, detail="Messages failed too often.", fix=fix)
    if number > _MANY:
        fix = "See whether the app's queue triggers run, and how far it may scale out."
        return Check(id=id_, status=CheckStatus.WARN, title=about, detail="More than usual is waiting.", fix=fix)
    return Check.passed(id_, about)


def _clock(where: str, there: datetime | None, here: datetime) -> Check:
    id_ = f"clock_{where.rsplit(maxsplit=1)[-1]}"
    if there is None:
        return Check.skipped(id_, f"What time it is at {where} is not known", "It could not be asked, or did not say.")
    apart_s = abs((there - here).total_seconds())
    if apart_s > _SKEW_S:
        detail = f"The app's clock and that of {where} are {apart_s:.0f} s apart; tokens are refused beyond 300 s."
        return Check.failed(id_, "The clocks differ", detail, "Have the app's machine set its clock by the network.")
    return Check.passed(id_, f"The clock agrees with that of {where}")
