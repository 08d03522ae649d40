"""Live checks: the checks of a validation that read from the directory."""

from typing import Final

from shared.domain.connections.entra import permissions as consent
from shared.domain.connections.entra.error_codes import DENIED, GRAPH_ERRORS
from shared.domain.connections.validation_report import Check, CheckStatus, Consent
from shared.errors import NeedsAttention, NotFound, SyncError, Transient

_GROUP_FIX: Final = "Copy the object ID of the group from its overview page."
_SSO_FIX: Final = "Copy the Application ID of the sign-in application from its overview page, then save it again."
_ENDPOINT_FIX: Final = "Check the endpoints. If they are right, check again in a minute."

#: Titles of the live checks in their order, by check id.
READS: Final = {
    "read_users": "Reading users",
    "read_groups": "Reading groups",
    "read_members": "Reading members",
    "read_sso": "Reading SSO users",
}
NO_GROUP: Final = Check.skipped(
    "read_members", READS["read_members"], "The directory does not contain a group to read."
)


def nothing_asked(*, sso_users: bool) -> list[Check]:
    """Return all checks that need a token, as skipped."""
    return [
        Check.skipped("token_tenant", "Tenant of the token"),
        Check.skipped("token_application", "Application of the token"),
        Check.skipped("object_id", "Object ID"),
        Check.skipped("permissions", "Permissions"),
        *(Check.skipped(id_, title) for id_, title in READS.items() if id_ != "read_sso" or sso_users),
    ]


def not_allowed(granted: Consent) -> dict[str, Check]:
    """Return the live checks that a missing permission prevents, as skipped. Members need two permissions."""
    missing = set(granted.missing)
    needed = {
        "read_users": {consent.USERS.permission},
        "read_groups": {consent.GROUPS.permission},
        "read_members": {consent.USERS.permission, consent.GROUP_MEMBERS.permission},
        "read_sso": {consent.APPLICATIONS.permission},
    }
    return {id_: Check.skipped(id_, READS[id_]) for id_, permissions in needed.items() if permissions & missing}


def outcome(id_: str, what: str, error: SyncError | None) -> Check:
    """Return the result of a live check. Temporary errors are reported as such."""
    if error is None:
        return Check.passed(id_, f"{what} can be read")
    detail, fix = str(error), _ENDPOINT_FIX
    match error:
        case Transient():
            return failed_for_now(id_, f"{what} cannot be read at the moment", error)
        case NotFound():
            fix = _SSO_FIX if id_ == "read_sso" else _GROUP_FIX
        case NeedsAttention():
            fix = GRAPH_ERRORS.get(error.code, DENIED).fix
    return Check.failed(id_, f"{what} cannot be read", detail, fix)


def failed_for_now(id_: str, title: str, error: Transient) -> Check:
    """Return a check that failed because of a temporary error."""
    detail = f"{error} This does not mean that the entries are wrong."
    return Check(
        id=id_, status=CheckStatus.FAIL, title=title, detail=detail, fix="Check again in a minute.", retry=True
    )
