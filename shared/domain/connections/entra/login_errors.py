"""Catalogue of login errors: what each AADSTS number means for the admin, and the fix.

Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from typing import Final

import msgspec
from msgspec import UNSET

from shared.domain.connections.entra.credentials import CredentialKind
from shared.domain.connections.validation_report import Check, CheckStatus
from shared.domain.problem import ErrorCategory, Explanation
from shared.domain.retry_policy import UNKNOWN_CREDENTIAL


class LoginError(msgspec.Struct, frozen=True, kw_only=True):
    """One refusal of the login service: the check that it fails, its title, meaning and remedy."""

    check: str
    title: str
    detail: str
    fix: str
    #: Whether a credential that was just created can be refused like this, until all servers know it.
    passes: bool = False


def _of(check: str, title: str, detail: str, fix: str, *, passes: bool = False) -> LoginError:
    return LoginError(check=check, title=title, detail=detail, fix=fix, passes=passes)


LOGIN_ERRORS: Final[dict[str, LoginError]] = {
    "900023": _of(
        "tenant",
        "The tenant ID is not valid",
        "The entered tenant ID is neither a GUID nor a domain name.",
        "Copy the tenant ID (a GUID) from the Entra admin center, Identity > Overview.",
    ),
    "90002": _of(
        "tenant",
        "The tenant was not found",
        "A directory with this tenant ID does not exist in this cloud.",
        "Copy the tenant ID from the Entra admin center. For US Government or China, choose that cloud.",
    ),
    "90038": _of(
        "tenant",
        "The tenant is in another cloud",
        "The login service redirects sign-ins of this tenant to another cloud.",
        "Choose the cloud in which your directory is, and leave both endpoints empty.",
    ),
    "900382": _of(
        "tenant",
        "The application is in another cloud",
        "An application cannot sign in to a directory in another cloud.",
        "Register the application in the cloud of the directory, and choose that cloud here.",
    ),
    "900432": _of(
        "tenant",
        "Tenant and endpoints belong to different clouds",
        "The tenant is not in the cloud of the endpoints.",
        "Leave both endpoints empty, and choose the cloud in which you administer the directory.",
    ),
    "9001023": _of(
        "tenant",
        "A placeholder was entered instead of a tenant ID",
        "'common', 'organizations' and 'consumers' do not identify one directory.",
        "Enter the tenant ID of your directory, a GUID.",
    ),
    "50194": _of(
        "tenant",
        "The application belongs to a single tenant",
        "The application is not multi-tenant, but a placeholder was entered instead of a tenant ID.",
        "Enter the tenant ID of the directory in which the application is registered.",
    ),
    "700016": _of(
        "application",
        "The application was not found in this tenant",
        "An application with this client ID does not exist in the tenant. You may have entered an object ID.",
        'Copy the "Application ID" from the overview page of the enterprise application.',
    ),
    "7000229": _of(
        "application",
        "Admin consent is missing",
        "The application exists, but an admin of this tenant has not consented to it yet.",
        "Grant admin consent with the link. This creates the enterprise application in your tenant.",
    ),
    "7000215": _of(
        "secret",
        "The client secret is wrong",
        "The application exists, but the secret is not one of its secrets (AADSTS7000215).",
        'Create a new client secret and copy its "Value", not its "Secret ID". The value is shown only once. '
        "A secret that you have just created can take a few minutes to work.",
        passes=True,
    ),
    "7000222": _of(
        "secret",
        "The client secret has expired",
        "The secret was valid, but its expiry date has passed.",
        "Create a new client secret and enter its value.",
    ),
    "7000218": _of(
        "secret", "The client secret is missing", "The login service received no secret.", "Enter the client secret."
    ),
    "900144": _of(
        "secret", "A value is missing", "The login service did not receive all values.", "Fill in all fields."
    ),
    "7000112": _of(
        "application",
        "The application is disabled",
        "Sign-in is disabled for the enterprise application in this tenant.",
        'In the properties of the enterprise application, set "Enabled for users to sign-in" to Yes.',
    ),
    "53003": _of(
        "access",
        "Conditional Access blocks the application",
        "A Conditional Access policy of the tenant blocks sign-ins of this application from our addresses.",
        "Allow our outbound addresses. The correlation ID identifies the entry in the service principal sign-in log.",
    ),
    "700027": _of(
        "certificate",
        "The certificate does not match",
        "The certificate is not one of the certificates of the application.",
        "Upload the certificate to the app registration again. One that you have just uploaded can take a few minutes "
        "to work.",
        passes=True,
    ),
    "50012": _of(
        "certificate",
        "The certificate was not accepted",
        "The certificate is not authorized, its chain is not valid, or the signature of the sign-in is not valid.",
        "Upload the certificate to the app registration again, then enter the same one here with its private key.",
    ),
    "500011": _of(
        "endpoints",
        "Microsoft Graph was not found in the tenant",
        "The tenant does not know the service at the Graph endpoint. It may belong to another cloud.",
        "Choose the cloud of the directory, and leave both endpoints empty.",
    ),
    "70021": _of(
        "federation",
        "No federated credential matches",
        "Issuer, subject or audience differ from the app registration.",
        "Correct the issuer, subject and audience of the federated credential. One that you have just created can take "
        "a few minutes to work.",
        passes=True,
    ),
    "700213": _of(
        "federation",
        "The subject of the federated credential does not match",
        "The subject differs from the one in the app registration.",
        "Correct the subject of the federated credential.",
    ),
    "700236": _of(
        "federation",
        "This application cannot use the app's own identity",
        "Microsoft Entra ID accepts a managed identity only for applications that are registered in its own directory.",
        "Enter a client secret or a certificate.",
    ),
    "700024": _of(
        "certificate",
        "The signed request is not valid at this time",
        "The request was signed too early or too late according to the clock of the login service.",
        "Ask the operator to check the clock of the app.",
    ),
    "50196": _of(
        "access",
        "Too many identical sign-ins",
        "The login service detected a request loop. This is an error on our side.",
        "Wait a few minutes, then inform the operator.",
    ),
}


#: Detail and fix of refusals without an AADSTS number, by error code.
_NOTHING_SAID: Final = (
    "The login service refused the credentials without a reason.",
    "Check all entries. If they are right, look at the sign-in log of the application in the Entra admin center.",
)
_WITHOUT_NUMBER: Final = {
    "invalid_certificate": (
        "The stored certificate can no longer be used.",
        "Enter the certificate again, together with its private key.",
    ),
    "login_refused": _NOTHING_SAID,
}


_LOOK_UP: Final = "Look up the error with the link, or contact Microsoft support with these IDs."
#: Admin consent is missing: link to the consent page instead of the page about the error.
_CONSENT_HELPS: Final = "7000229"


#: Check id and title by kind of credential.
_CREDENTIAL: Final = {
    CredentialKind.SECRET: ("secret", "The client secret is valid"),
    CredentialKind.CERTIFICATE: ("certificate", "The certificate is valid"),
    CredentialKind.FEDERATED: ("federation", "The federated identity is valid"),
}


def signed_in(kind: CredentialKind) -> list[Check]:
    """Return the checks that passed because a token was issued."""
    return [
        Check.passed("tenant", "The tenant exists"),
        Check.passed("application", "The application exists in the tenant"),
        Check.passed(*_CREDENTIAL[kind]),
    ]


def sign_in_skipped(kind: CredentialKind) -> list[Check]:
    """Return the sign-in checks as skipped."""
    return [Check.skipped(check.id, check.title) for check in signed_in(kind)]


def sign_in_refused(kind: CredentialKind, refusal: Check) -> list[Check]:
    """Return the checks of a refused sign-in: the passed ones before the refusal, the refusal, and the skipped ones.

    The login service checks the tenant, then the application, then the credential, and reports the first failure.
    Refusals by policy imply that tenant and application exist.
    """
    stages = signed_in(kind)
    ids = [check.id for check in stages]
    match refusal.id:
        case "tenant" | "application":
            stage = ids.index(refusal.id)
        case "secret" | "certificate" | "federation":
            return [*stages[:2], refusal]
        case "access":
            return [*stages[:2], Check.skipped(stages[2].id, stages[2].title), refusal]
        case _:
            return [*sign_in_skipped(kind), refusal]
    return [*stages[:stage], refusal, *sign_in_skipped(kind)[stage + 1 :]]


def explained(code: str) -> Explanation | None:
    """Explain a refusal of the login service; None for another code. The category is always `credentials`."""
    number = code.removeprefix("AADSTS")
    if number == code:
        title, (detail, fix) = "The credentials do not work", _WITHOUT_NUMBER.get(code, ("", ""))
        return _explanation(title, detail, fix) if detail else None
    entry = LOGIN_ERRORS.get(number)
    if entry is None:
        title, detail = "The login service refused the credentials", f"The login service returned the error {code}."
        return _explanation(title, detail, _LOOK_UP)
    return _explanation(entry.title, entry.detail if code in entry.detail else f"{entry.detail} ({code})", entry.fix)


def _explanation(title: str, detail: str, fix: str) -> Explanation:
    return Explanation(title=title, detail=detail, fix=fix, category=ErrorCategory.CREDENTIALS)


def refused(code: str, login: str, support_ids: str = "", consent_link: str | None = None) -> Check:
    """Return the failed check for a refusal. Unknown AADSTS codes are shown with the code itself."""
    number = code.removeprefix("AADSTS")
    link = f"{login}/error?code={number}" if number.isdecimal() else None
    entry = LOGIN_ERRORS.get(number)
    meaning = explained(code) or _explanation("The credentials do not work", *_NOTHING_SAID)
    if entry is None and link is None:
        return Check.failed("login", meaning.title, meaning.detail, meaning.fix)
    if number == _CONSENT_HELPS and consent_link:
        link = consent_link
    return Check(
        id=entry.check if entry else "login",
        status=CheckStatus.FAIL,
        title=meaning.title,
        detail=f"{meaning.detail}{support_ids}",
        fix=meaning.fix,
        link=link,
        retry_for_seconds=round(UNKNOWN_CREDENTIAL.total_s) if entry is not None and entry.passes else UNSET,
    )
