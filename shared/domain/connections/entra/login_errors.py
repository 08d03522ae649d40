"""What a refusal of the login service means to the admin who made the entry, by its AADSTS number.

Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from dataclasses import dataclass
from typing import Final

from shared.domain.connections.connection import CredentialKind
from shared.domain.connections.validation_report import Check, CheckStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginError:
    """One refusal of the login service: the check that it fails, its title, meaning and remedy."""

    check: str
    title: str
    detail: str
    fix: str


def _of(check: str, title: str, detail: str, fix: str) -> LoginError:
    return LoginError(check=check, title=title, detail=detail, fix=fix)


LOGIN_ERRORS: Final[dict[str, LoginError]] = {
    "900023": _of(
        "tenant",
        "The tenant id is malformed",
        "What was entered is neither a GUID nor a domain name.",
        "Copy the tenant id (a GUID) from the Entra admin center, Identity > Overview.",
    ),
    "90002": _of(
        "tenant",
        "The tenant is unknown",
        "This cloud has no directory with this tenant id.",
        "Copy the tenant id from the Entra admin center's overview; for US Government or China choose that cloud.",
    ),
    "90038": _of(
        "tenant",
        "The tenant lives in another cloud",
        "The login service would send this tenant's people to another cloud.",
        "Choose the cloud that the message of the login service names, and leave both endpoints empty.",
    ),
    "900382": _of(
        "tenant",
        "The application is in another cloud",
        "Sign-in across clouds is not possible for an application.",
        "Register the application in the directory's own cloud, and choose that cloud here.",
    ),
    "900432": _of(
        "tenant",
        "Tenant and endpoints are of two clouds",
        "The tenant and the endpoints belong to two clouds.",
        "Leave both endpoints empty, and choose the cloud in which the directory is administered.",
    ),
    "9001023": _of(
        "tenant",
        "A placeholder stands for the tenant",
        "'common', 'organizations' and 'consumers' name no single directory.",
        "Enter the directory's own tenant id, a GUID.",
    ),
    "50194": _of(
        "tenant",
        "The application belongs to one tenant only",
        "The application is not multi-tenant, and a placeholder was entered for the tenant.",
        "Enter the tenant id of the directory in which the application is registered.",
    ),
    "700016": _of(
        "application",
        "The application is unknown in this tenant",
        "The tenant has no application with this client id. Perhaps an object id was entered instead.",
        'Copy the "Application ID" from the enterprise application\'s overview.',
    ),
    "7000229": _of(
        "application",
        "The application has no enterprise application here",
        "The application exists, but nobody has consented to it in this tenant yet.",
        "Grant admin consent by the link; that creates the enterprise application.",
    ),
    "7000215": _of(
        "secret",
        "The client secret is wrong",
        "The login service knows the application, but not this secret (AADSTS7000215).",
        'Create a new client secret and copy its "Value", not its "Secret ID"; the value is shown only once.',
    ),
    "7000222": _of(
        "secret",
        "The client secret has expired",
        "The secret was right once; its end date has passed.",
        "Create a new client secret and enter its value.",
    ),
    "7000218": _of(
        "secret", "The client secret is missing", "The request carried no secret.", "Enter the client secret's value."
    ),
    "900144": _of(
        "secret", "An entry is missing", "The login service misses a part of the request.", "Fill in every field."
    ),
    "7000112": _of(
        "application",
        "The application is disabled",
        "The enterprise application is switched off in this tenant.",
        'In its properties, set "Enabled for users to sign-in" to yes.',
    ),
    "53003": _of(
        "access",
        "Conditional Access blocks the application",
        "A policy of the tenant refuses sign-ins of this application from where we are.",
        "Allow our outbound addresses for it; the correlation id leads to the entry in the service principal sign-ins.",
    ),
    "700027": _of(
        "certificate",
        "The certificate does not fit",
        "The signature was made with a certificate that the application does not have.",
        "Upload the certificate to the app registration again.",
    ),
    "70021": _of(
        "federation",
        "No federated credential matches",
        "Issuer, subject or audience differ from what the app registration says.",
        "Correct the federated credential's issuer, subject and audience.",
    ),
    "700213": _of(
        "federation",
        "The federated credential's subject does not match",
        "The assertion's subject is not the one in the app registration.",
        "Correct the federated credential's subject.",
    ),
    "700024": _of(
        "certificate",
        "The assertion is outside its time",
        "The assertion was not yet or no longer valid when it arrived.",
        "Check the clock of whatever signs it.",
    ),
    "50196": _of(
        "access",
        "The login service sees a request loop",
        "Too many equal requests were sent; this is a defect on our side.",
        "Wait a few minutes, and tell us.",
    ),
}


#: What is said of a refusal that has no number, and what to do: by our own code for it.
_NOTHING_SAID: Final = (
    "The login service refused the credentials and did not say why.",
    "Check every entry; if they are right, look at the application's sign-in log in the Entra admin center.",
)
_WITHOUT_NUMBER: Final = {
    "invalid_certificate": (
        "The certificate that is stored cannot be used any more; nobody was asked.",
        "Enter the certificate again, together with its private key.",
    ),
    "secret_not_found": ("The secret is not in Key Vault any more; nobody was asked.", "Enter the credentials again."),
}


#: Known, but never consented to: what helps is the consent page, not the page about the error.
_CONSENT_HELPS: Final = "7000229"


#: What a credential of each kind is called in its check.
_CREDENTIAL: Final = {
    CredentialKind.SECRET: ("secret", "The client secret is right"),
    CredentialKind.CERTIFICATE: ("certificate", "The certificate is accepted"),
    CredentialKind.FEDERATED: ("federation", "The federated identity is accepted"),
}


def signed_in(kind: CredentialKind) -> list[Check]:
    """Return, passed, the checks that a token proves."""
    return [
        Check.passed("tenant", "The tenant exists"),
        Check.passed("application", "The application is known in the tenant"),
        Check.passed(*_CREDENTIAL[kind]),
    ]


def sign_in_skipped(kind: CredentialKind) -> list[Check]:
    """Return, skipped, the checks that only the login service could make."""
    return [Check.skipped(check.id, check.title) for check in signed_in(kind)]


def sign_in_refused(kind: CredentialKind, refusal: Check) -> list[Check]:
    """Return the checks of a sign-in that was refused: what the refusal implies, itself, and what it leaves open.

    The login service looks for the tenant, then for the application, then at the credential, and says what it met
    first. What it says of policies implies the first two.
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


def refused(
    code: str, login: str, trace_id: str | None, correlation_id: str | None, consent_link: str | None = None
) -> Check:
    """Return the failed check for a refusal. `code` is AADSTS and a number; an unknown one is passed on as it is."""
    number = code.removeprefix("AADSTS")
    ids = "".join(
        f" {name} {value}." for name, value in (("Trace id", trace_id), ("Correlation id", correlation_id)) if value
    )
    link = f"{login}/error?code={number}" if number.isdecimal() else None
    known = LOGIN_ERRORS.get(number)
    if known is None and link is None:
        return Check.failed("login", "The credentials do not work", *_WITHOUT_NUMBER.get(code, _NOTHING_SAID))
    if known is None:
        return Check(
            id="login",
            status=CheckStatus.FAIL,
            title="The login service refuses the credentials",
            detail=f"It answered {code}, which has no explanation here.{ids}",
            fix="Look the code up by the link, or ask Microsoft's support with the ids.",
            link=link,
        )
    if number == _CONSENT_HELPS and consent_link:
        link = consent_link
    detail = known.detail if code in known.detail else f"{known.detail} ({code})"
    return Check(
        id=known.check,
        status=CheckStatus.FAIL,
        title=known.title,
        detail=f"{detail}{ids}",
        fix=known.fix,
        link=link,
    )
