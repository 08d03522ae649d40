"""A change that is not complete: what it has still to do, stored before anything else is done."""

import msgspec

from shared.domain.ids import LocationId, RunId
from shared.domain.problem import Problem


class ObsoleteRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that a change ends: as failed with this problem, or, without one, as superseded."""

    run: RunId
    problem: Problem | None = None
    #: Number of storage requests of the invocation that ends the run.
    storage_requests: int = 0


class ConfigChange(msgspec.Struct, frozen=True, kw_only=True):
    """The rest of a change of configuration, or of the end of a run that was given up.

    The request or job that makes it, the next run, or the watchdog completes it.

    Not listed here: that the fence of every location gets the tenant's fencing token, and that the waiting request is
    sent. Each step can be repeated.
    """

    #: `TenantState.config_version` since the change.
    version: int
    #: Runs that end.
    runs: tuple[ObsoleteRun, ...] = ()
    #: Locations to delete with everything in them.
    deleted: tuple[LocationId, ...] = ()
