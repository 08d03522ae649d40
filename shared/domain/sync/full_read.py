"""Full read: while the daily complete read of a directory fails, runs follow its changes, and say so."""

from typing import Final

import msgspec

from shared.domain.directory import Source
from shared.domain.problem import ErrorCategory, Problem
from shared.domain.run import Plan, RunMode, TenantState

#: Code of the warning of every run from a failed full read until one succeeds.
FULL_READ_FAILED: Final = "full_read_failed"
#: Categories of failures that concern the connection as a whole. Changes would then be refused or incomplete as well.
_OF_THE_CONNECTION: Final = frozenset({ErrorCategory.CREDENTIALS, ErrorCategory.PERMISSION, ErrorCategory.THROTTLED})
_FOLLOWED: Final = "Changes are applied nevertheless, and the complete read is tried again automatically."


def concerns_listing(problem: Problem) -> bool:
    """Return whether a source could not be read because of its listing, so that its changes may still be followed."""
    return problem.category not in _OF_THE_CONNECTION


def failed_now(cause: Problem) -> Problem:
    """Return the warning of a full run that followed changes, because of `cause`."""
    detail = f"The directory could not be read completely: {cause.detail} {_FOLLOWED}"
    return msgspec.structs.replace(cause, code=FULL_READ_FAILED, detail=detail)


def failed_before(plan: Plan, state: TenantState) -> tuple[Problem, ...]:
    """Return the warning of a run that only follows changes while the last full read has failed, if it has."""
    at = state.full_failed_at
    if at is None or plan.mode is RunMode.FULL:
        return ()
    detail = f"The complete read of {at:%Y-%m-%d %H:%M} UTC failed. {_FOLLOWED}"
    return (Problem(concerns=Source().subject, code=FULL_READ_FAILED, detail=detail),)
