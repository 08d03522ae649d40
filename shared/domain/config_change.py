"""A change of configuration that is not complete: what it has still to do, stored before anything else is done."""

import msgspec

from shared.domain.ids import LocationId, RunId


class ConfigChange(msgspec.Struct, frozen=True, kw_only=True):
    """The rest of a change of configuration. The request that makes it, the next one, or the watchdog completes it.

    Not listed here: that the fence of every location gets the tenant's fencing token, and that the waiting request is
    sent. Each step can be repeated.
    """

    #: `TenantState.config_version` since the change.
    version: int
    #: Runs on the previous configuration, which end as superseded.
    runs: tuple[RunId, ...] = ()
    #: Locations to delete with everything in them.
    deleted: tuple[LocationId, ...] = ()
