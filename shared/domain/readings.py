"""What a validation says about the live reads: which there are, and how each went."""

from typing import Final

from shared.domain import consent
from shared.domain.report import Check, CheckStatus, Consent
from shared.errors import NeedsAttention, NotFound, SyncError, Transient

_CONSENT_FIX: Final = "Grant the missing permission and consent to it; it can take a few minutes to have effect."
_GROUP_FIX: Final = "Copy the group's object id from its overview."
_ENDPOINT_FIX: Final = "Check the endpoints; if they are right, check again in a minute."

#: The reads in their order, by the id of their check.
READS: Final = {"read_users": "Reading users", "read_groups": "Reading groups", "read_members": "Reading members"}


def skipped(id_: str, title: str, detail: str = "Not checked, because a check before it failed.") -> Check:
    """Return a check that was not made."""
    return Check(id=id_, status=CheckStatus.SKIP, title=title, detail=detail)


def nothing_asked() -> list[Check]:
    """Return, skipped, every check that only a token makes possible."""
    return [
        skipped("token_tenant", "The token's tenant"),
        skipped("token_application", "The token's application"),
        skipped("object_id", "The object id"),
        skipped("permissions", "Permissions"),
        *(skipped(id_, title) for id_, title in READS.items()),
    ]


def not_allowed(granted: Consent) -> dict[str, Check]:
    """Return, skipped, the reads that a missing permission forbids. Members are people: reading them takes both."""
    missing = set(granted.missing)
    needed = {
        "read_users": {consent.USERS.permission},
        "read_groups": {consent.GROUPS.permission},
        "read_members": {consent.USERS.permission, consent.GROUP_MEMBERS.permission},
    }
    return {id_: skipped(id_, READS[id_]) for id_, permissions in needed.items() if permissions & missing}


def outcome(id_: str, what: str, error: SyncError | None) -> Check:
    """Return how one read went. An error that passes by itself is called that, and blamed on nobody."""
    if error is None:
        return Check.passed(id_, f"{what} can be read")
    detail, fix = str(error), _ENDPOINT_FIX
    match error:
        case Transient():
            return failed_for_now(id_, f"{what} could not be read now", error)
        case NotFound():
            fix = _GROUP_FIX
        case NeedsAttention():
            fix = _CONSENT_FIX
    return Check.failed(id_, f"{what} cannot be read", detail, fix)


def failed_for_now(id_: str, title: str, error: Transient) -> Check:
    """Return the check that failed for no fault of the admin's."""
    detail = f"{error} Nothing is known to be wrong with the entries."
    return Check.failed(id_, title, detail, "Check again in a minute.")
