"""The waits of host and product, divided by one factor, so that a round does not wait for minutes.

Divided are the lock of a message, the waits of the host's storage client, the lease of a timer, the schedule of the
watchdog, and the time without progress after which it acts. Not divided are the wait before another delivery, because
deliveries are counted and parts take as long as ever to start; the run's deadline; the time budget of a job; and waits
inside the product that no setting changes.
"""

from typing import Final

from infra.azure.defaults import DEFAULTS
from infra.local.functions_host.leases import LEASE_S
from infra.local.functions_host.polling import LOCK_S
from shared.domain.retry_policy import LOST_JOB

#: All waits are divided by it, except in the round at real waits.
FACTOR: Final = 20.0
#: Shortest lease that the Blob service grants, in seconds.
MIN_LEASE_S: Final = 15.0
#: Seconds between two looks of the watchdog, as deployed.
WATCHDOG_S: Final = 60.0 * int(DEFAULTS["WATCHDOG_SCHEDULE"].split("/")[1].split(" ")[0])


def settings(factor: float) -> dict[str, str]:
    """Return the settings with which a host waits so much shorter. It syncs only when it is asked to."""
    return {
        "FUNCTIONS_HOST_WAITS": f"{1 / factor:g}",
        "WATCHDOG_STALE_AFTER_S": f"{LOST_JOB.first_wait_s / factor:g}",
        "WATCHDOG_SCHEDULE": _every(WATCHDOG_S / factor),
        "SYNC_SCHEDULE": "0 0 0 29 2 *",
    }


def lock_s(factor: float) -> float:
    """Return how long the lock of a message lasts, in seconds."""
    return LOCK_S / factor


def longest_s(factor: float) -> float:
    """Return the longest time from a kill until work goes on, in seconds.

    The watchdog has to notice that nothing progresses. Its timer resumes after up to two leases.
    """
    lease_s = max(MIN_LEASE_S, LEASE_S / factor)
    return 2 * lease_s + LOST_JOB.first_wait_s / factor + WATCHDOG_S / factor


def _every(wait_s: float) -> str:
    """Return the NCRONTAB schedule with this period, which is less than a minute or whole minutes."""
    if wait_s < 60:
        return f"*/{max(1, round(wait_s))} * * * * *"
    return f"0 */{round(wait_s / 60)} * * * *"
