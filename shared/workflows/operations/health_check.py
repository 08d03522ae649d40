"""Health check (`doctor`): probes every dependency of a deployment, and reports each fault with its fix."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from shared.domain.connections.validation_report import Check, CheckStatus
from shared.domain.counted import counted
from shared.domain.operations.operator_log import ROW
from shared.domain.sync.jobs import POISON_SUFFIX
from shared.errors import Misconfigured, SyncError
from shared.ports.operations import DependencyProbes, OperatorLog
from shared.ports.platform import Clock
from shared.workflows.pagination import page

#: Maximum clock skew that is healthy, in seconds. Tokens are accepted with a skew of up to five minutes.
_MAX_SKEW_S: Final = 60.0
#: Maximum number of waiting messages in a queue of a healthy deployment.
_MAX_WAITING: Final = 10_000
#: Maximum number of unreadable rows that are named.
_NAMED: Final = 5
T = TypeVar("T")


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """Result of all checks. `at` is the server's own time."""

    ok: bool
    at: datetime
    checks: tuple[Check, ...]


class Doctor(msgspec.Struct, frozen=True, kw_only=True):
    """Checks the deployment that it runs in. Quotes only messages of the product's own errors, so no secret leaks."""

    probes: DependencyProbes
    operator_log: OperatorLog
    clock: Clock

    async def __call__(self) -> Diagnosis:
        """Return the result of every check. A failed check does not prevent the others."""
        (tables, stored_at), further, (queues, depths), (vault, _), (login, login_at), rows = await asyncio.gather(
            _probed("tables", "Table Storage", self.probes.tables()),
            self._further_accounts(),
            _probed("queues", "Queue Storage", self.probes.queues()),
            _probed("key_vault", "Key Vault", self.probes.vault()),
            _probed("login", "The login service", self.probes.login()),
            self._rows(),
        )
        now = self.clock.now()
        checks = [Check.passed("settings", "All settings are valid"), tables, *further, rows, queues]
        checks += [_depth(name, number) for name, number in sorted((depths or {}).items())]
        checks += [vault, login, _clock("storage", stored_at, now), _clock("the login service", login_at, now)]
        ok = all(check.status is not CheckStatus.FAIL for check in checks)
        return Diagnosis(ok=ok, at=now, checks=tuple(checks))

    async def _rows(self) -> Check:
        """Return the check that names the newest rows which could not be read."""
        try:
            entries, more = await page(self.operator_log.list_entries(queue=ROW), _NAMED, lambda entry: entry.position)
        except SyncError as error:
            return Check.skipped("rows", "Unreadable rows are unknown", str(error))
        if not entries:
            return Check.passed("rows", "All rows that were listed could be read")
        return Check(
            id="rows",
            status=CheckStatus.WARN,
            title="Rows cannot be read",
            detail=f"Skipped: {', '.join(entry.body for entry in entries)}{' and others' if more else ''}.",
            fix="The operator log says what to do for each of them. Discard an entry when its row can be read again.",
        )

    async def _further_accounts(self) -> list[Check]:
        """Return a check of each further storage account, or the failed check of their list."""
        listing, names = await _probed(
            "accounts", "The assignment of tenants to storage accounts", self.probes.accounts()
        )
        probes = [
            _probed(f"tables_{name}", f"Table Storage of the account {name!r}", self.probes.tables(name))
            for name in names or ()
        ]
        return [listing] if names is None else [check for check, _ in await asyncio.gather(*probes)]


async def _probed(id_: str, name: str, probe: Awaitable[T]) -> tuple[Check, T | None]:
    """Return the check that a probe amounts to, and the probe's result; None if it failed."""
    try:
        result = await probe
    except Misconfigured as error:
        fix = "Assign the named role or correct the named setting. It takes some minutes to take effect."
        return Check.failed(id_, f"{name} does not work", str(error), fix), None
    except SyncError as error:
        fix = "Check that the service is up and that the network of the app allows access, then try again."
        return Check.failed(id_, f"{name} cannot be reached", str(error), fix), None
    return Check.passed(id_, f"{name} works"), result


def _depth(name: str, number: int) -> Check:
    id_, about = f"queue_{name}", f"{name} has {counted(number, 'message', 'messages')}"
    if number > 0 and name.endswith(POISON_SUFFIX):
        fix = "They are recorded at the next watchdog. If they stay, check that the timers of the app run."
        return Check(id=id_, status=CheckStatus.WARN, title=about, detail="Messages failed on every delivery.", fix=fix)
    if number > _MAX_WAITING:
        fix = "Check that the queue triggers of the app run, and the scale-out limit of the app."
        return Check(
            id=id_, status=CheckStatus.WARN, title=about, detail="More messages than usual are waiting.", fix=fix
        )
    return Check.passed(id_, about)


def _clock(where: str, there: datetime | None, here: datetime) -> Check:
    id_ = f"clock_{where.rsplit(maxsplit=1)[-1]}"
    if there is None:
        return Check.skipped(id_, f"The time of {where} is unknown", "The service did not return its time.")
    skew_s = abs((there - here).total_seconds())
    if skew_s > _MAX_SKEW_S:
        detail = f"The clocks of the app and of {where} differ by {skew_s:.0f} s. Tokens are refused above 300 s."
        return Check.failed(id_, "The clocks differ", detail, "Turn on time synchronization on the machine of the app.")
    return Check.passed(id_, f"The clocks of the app and of {where} agree")
