"""Error codes of the login service and of Microsoft Graph: their meaning for an admin, and their category."""

from typing import Final

from shared.domain.connections.entra.login_errors import explained
from shared.domain.problem import ErrorCategory, Explanation

_CONSENT: Final = "Grant the missing permission and admin consent. It can take a few minutes to take effect."
_WAIT: Final = "No action is required: the sync is repeated automatically."
_REPORT: Final = "Report this code to the operator."


def _of(category: ErrorCategory, title: str, detail: str, fix: str) -> Explanation:
    return Explanation(title=title, detail=detail, fix=fix, category=category)


#: A missing permission; also the explanation of Graph's refusals with an unlisted code.
DENIED: Final = _of(
    ErrorCategory.PERMISSION,
    "A permission is missing",
    "Microsoft Graph does not allow the application to read this.",
    _CONSENT,
)
_FAILING: Final = _of(
    ErrorCategory.TRANSIENT, "Microsoft is temporarily unavailable", "The service did not give a usable answer.", _WAIT
)
#: Codes that the API lists: those that its clients meet most.
LISTED_CODES: Final = ("AADSTS…", "Authorization_RequestDenied")

#: Explanations by error code: codes of Graph, and codes of this app for Graph's responses. Source: https://learn.microsoft.com/graph/errors
GRAPH_ERRORS: Final[dict[str, Explanation]] = {
    "Authorization_RequestDenied": DENIED,
    "401": DENIED,
    "403": DENIED,
    "users_unreadable": DENIED,
    "permission_lost": DENIED,
    "account_status_withheld": _of(
        ErrorCategory.PERMISSION,
        "Microsoft Graph does not show whether accounts are enabled",
        "The application may read only basic profiles, so nothing is changed.",
        "Grant User.Read.All with admin consent. User.ReadBasic.All is not enough.",
    ),
    "properties_withheld": _of(
        ErrorCategory.PERMISSION,
        "Microsoft Graph no longer shows properties that people had",
        "A permission was narrowed, or the values were cleared for everyone. Nothing is changed until this is decided.",
        "Grant User.Read.All with admin consent. If the values were really cleared, accept this in the report.",
    ),
    "delta_unsupported": _of(
        ErrorCategory.TRANSIENT,
        "This tenant has no delta queries",
        "Microsoft Graph refuses to report changes of users in external tenants, so every sync lists all users.",
        "No action is required. In a week it is tried again.",
    ),
    "hidden_membership": _of(
        ErrorCategory.PERMISSION,
        "The group hides its members",
        "The application may not read the members of this group.",
        "Grant the permission Member.Read.Hidden with admin consent, or map another group.",
    ),
    "throttled": _of(
        ErrorCategory.THROTTLED, "Microsoft Graph limits our requests", "Too many requests in a short time.", _WAIT
    ),
    **dict.fromkeys(("graph_unreachable", "graph_failing", "bad_answer", "login_busy", "login_unreachable"), _FAILING),
    "identity": _of(
        ErrorCategory.OURS,
        "The managed identity is missing",
        "The app has no managed identity to sign in with.",
        "Inform the operator, who has to assign it.",
    ),
}


def explain(code: str) -> Explanation:
    """Explain an error code. An unknown code is of the category `ours`."""
    return (
        explained(code)
        or GRAPH_ERRORS.get(code)
        or _of(ErrorCategory.OURS, "Unexpected error", f"The directory returned the error {code}.", _REPORT)
    )
