"""What a validation says about the live reads: which there are, and how each went."""

from typing import Final

from shared.domain.connections.entra import permissions as consent
from shared.domain.connections.validation_report import Check, CheckStatus, Consent
from shared.errors import NeedsAttention, NotFound, SyncError, Transient

_CONSENT_FIX: Final = "Grant the missing permission and consent to it; it can take a few minutes to have effect."
_GROUP_FIX: Final = "Copy the group's object id from its overview."
_HIDDEN_FIX: Final = "Grant Member.Read.Hidden and consent to it, or map another group."
_SSO_FIX: Final = "Copy the sign-in application's own Application ID from its overview, and store it again."
_ENDPOINT_FIX: Final = "Check the endpoints; if they are right, check again in a minute."

#: The reads in their order, by the id of their check.
READS: Final = {
    "read_users": "Reading users",
    "read_groups": "Reading groups",
    "read_members": "Reading members",
    "read_sso": "Reading who may sign in",
}
NO_GROUP: Final = Check.skipped("read_members", READS["read_members"], "There is no group to read.")


def nothing_asked(*, sso_users: bool) -> list[Check]:
    """Return, skipped, every check that only a token makes possible."""
    return [
        Check.skipped("token_tenant", "The token's tenant"),
        Check.skipped("token_application", "The token's application"),
        Check.skipped("object_id", "The object id"),
        Check.skipped("permissions", "Permissions"),
        *(Check.skipped(id_, title) for id_, title in READS.items() if id_ != "read_sso" or sso_users),
    ]


def not_allowed(granted: Consent) -> dict[str, Check]:
    """Return, skipped, the reads that a missing permission forbids. Members are people: reading them takes both."""
    missing = set(granted.missing)
    needed = {
        "read_users": {consent.USERS.permission},
        "read_groups": {consent.GROUPS.permission},
        "read_members": {consent.USERS.permission, consent.GROUP_MEMBERS.permission},
        "read_sso": {consent.APPLICATIONS.permission},
    }
    return {id_: Check.skipped(id_, READS[id_]) for id_, permissions in needed.items() if permissions & missing}


def outcome(id_: str, what: str, error: SyncError | None) -> Check:
    """Return how one read went. An error that passes by itself is called that, and blamed on nobody."""
    if error is None:
        return Check.passed(id_, f"{what} can be read")
    detail, fix = str(error), _ENDPOINT_FIX
    match error:
        case Transient():
            return failed_for_now(id_, f"{what} could not be read now", error)
        case NotFound():
            fix = _SSO_FIX if id_ == "read_sso" else _GROUP_FIX
        case NeedsAttention(code="hidden_membership"):
            fix = _HIDDEN_FIX
        case NeedsAttention():
            fix = _CONSENT_FIX
    return Check.failed(id_, f"{what} cannot be read", detail, fix)


def failed_for_now(id_: str, title: str, error: Transient) -> Check:
    """Return the check that failed for no fault of the admin's."""
    detail = f"{error} Nothing is known to be wrong with the entries."
    return Check(
        id=id_, status=CheckStatus.FAIL, title=title, detail=detail, fix="Check again in a minute.", retry=True
    )
