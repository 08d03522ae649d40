"""Error responses of the login service, as Microsoft words them.

Collected from published error bodies. The HTTP status follows the OAuth error: 401 for `invalid_client`.
Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import msgspec


@dataclass(frozen=True, slots=True)
class Refusal:
    """One error. The placeholders `{}` in `text` are filled by name."""

    error: str
    text: str
    status: HTTPStatus = HTTPStatus.BAD_REQUEST


_CLIENT = "invalid_client"
_REQUEST = "invalid_request"
_UNAUTHORIZED = HTTPStatus.UNAUTHORIZED
_UNAVAILABLE = HTTPStatus.SERVICE_UNAVAILABLE
_TRANSIENT = "temporarily_unavailable"

REFUSALS = {
    # the tenant
    900023: Refusal(
        _REQUEST, "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain."
    ),
    90002: Refusal(
        _REQUEST,
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud. Check with your subscription administrator, this may happen if there are no active "
        "subscriptions for the tenant.",
    ),
    90038: Refusal(
        _REQUEST, "Tenant '{tenant}' request is being redirected to the National Cloud 'MicrosoftOnline.US'."
    ),
    900382: Refusal(_REQUEST, "Confidential Client is not supported in Cross Cloud request."),
    900432: Refusal(_REQUEST, "Confidential Client is not supported in Cross Cloud request."),
    9001023: Refusal(
        _REQUEST,
        "The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or "
        "tenant-specific endpoint.",
    ),
    50194: Refusal(
        _REQUEST,
        "Application '{client}'({name}) is not configured as a multi-tenant application. Usage of the /common endpoint "
        "is not supported for such apps created after '10/15/2018'. Use a tenant-specific endpoint or configure the "
        "application to be multi-tenant.",
    ),
    # the application
    700016: Refusal(
        "unauthorized_client",
        "Application with identifier '{client}' was not found in the directory '{directory}'. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the "
        "tenant. You may have sent your authentication request to the wrong tenant.",
    ),
    7000229: Refusal(
        _CLIENT,
        "The client application {client} is missing service principal in the tenant {tenant}. See instructions here: "
        "https://go.microsoft.com/fwlink/?linkid=2225119",
        _UNAUTHORIZED,
    ),
    7000112: Refusal("unauthorized_client", "Application '{client}'({name}) is disabled."),
    # the secret
    7000215: Refusal(
        _CLIENT,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not "
        "the client secret ID, for a secret added to app '{client}'.",
        _UNAUTHORIZED,
    ),
    7000222: Refusal(
        _CLIENT,
        "The provided client secret keys for app '{client}' are expired. Visit the Azure portal to create new keys for "
        "your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: "
        "https://aka.ms/certCreds.",
        _UNAUTHORIZED,
    ),
    7000218: Refusal(
        _CLIENT,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        _UNAUTHORIZED,
    ),
    7000216: Refusal(
        _CLIENT,
        "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
        _UNAUTHORIZED,
    ),
    900144: Refusal(_REQUEST, "The request body must contain the following parameter: '{parameter}'."),
    # certificates and federation
    700027: Refusal(
        _CLIENT,
        "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - "
        "The key was not found., Thumbprint of key used by client: '{detail}', Please visit the Azure Portal, Graph "
        "Explorer or directly use MS Graph to see configured keys for app Id '{client}'.]",
        _UNAUTHORIZED,
    ),
    70021: Refusal(
        _REQUEST, "No matching federated identity record found for presented assertion. Assertion {detail}."
    ),
    700213: Refusal(
        _CLIENT,
        "No matching federated identity record found for presented assertion subject '{detail}'. Check your federated "
        "identity credential Subject, Audience and Issuer against the presented assertion.",
        _UNAUTHORIZED,
    ),
    700236: Refusal(
        _CLIENT,
        "Entra ID tokens issued by issuer '{detail}' may not be used for federated identity credential flows for "
        "applications or managed identities registered in this tenant.",
        _UNAUTHORIZED,
    ),
    700024: Refusal(_CLIENT, "Client assertion is not within its valid time range. {detail}", _UNAUTHORIZED),
    # policy, the service, the caller
    53003: Refusal(
        "invalid_grant",
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
    ),
    90006: Refusal(_TRANSIENT, "The service is temporarily unavailable. Please retry the request.", _UNAVAILABLE),
    90012: Refusal(_TRANSIENT, "The request has timed out. Please retry.", _UNAVAILABLE),
    90024: Refusal(_TRANSIENT, "A transient error has occurred. Please try again.", _UNAVAILABLE),
    90033: Refusal(_TRANSIENT, "A transient error has occurred. Please try again.", _UNAVAILABLE),
    90055: Refusal(
        _TRANSIENT, "The server is terminating a connection because of too many requests.", HTTPStatus.TOO_MANY_REQUESTS
    ),
    90090: Refusal(_TRANSIENT, "The service is temporarily busy. Please try again.", _UNAVAILABLE),
    50196: Refusal("invalid_grant", "The server terminated an operation because it encountered a client request loop."),
    # mistakes of a program, not of an admin
    70003: Refusal("unsupported_grant_type", "The app requested an unsupported grant type '{detail}'."),
    1002012: Refusal(
        "invalid_scope",
        "The provided value for scope {detail} is not valid. Client credential flows must have a scope value with "
        "/.default suffixed to the resource identifier (application ID URI).",
    ),
    500011: Refusal(
        "invalid_resource",
        "The resource principal named {detail} was not found in the tenant named {directory}. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the "
        "tenant. You might have sent your authentication request to the wrong tenant.",
    ),
}


class Refused(Exception):
    """The request gets no token. The number is the AADSTS code."""

    def __init__(self, code: int, **places: str) -> None:
        super().__init__(f"AADSTS{code}")
        self.code = code
        self.places = places


def refusal_body(
    refused: Refused, *, login: str, now: datetime, correlation_id: str | None, error: str | None = None
) -> bytes:
    """Return the JSON body of the login service. `error` replaces the OAuth error of the table."""
    row = REFUSALS[refused.code]
    places = {
        "tenant": "", "client": "", "name": "", "directory": "", "parameter": "client_secret", "detail": "",
        **refused.places,
    }  # fmt: skip
    timestamp = f"{now:%Y-%m-%d %H:%M:%S}Z"
    trace_id, correlation_id = str(uuid.uuid4()), correlation_id or str(uuid.uuid4())
    description = (
        f"AADSTS{refused.code}: {row.text.format(**places)} "
        f"Trace ID: {trace_id} Correlation ID: {correlation_id} Timestamp: {timestamp}"
    )
    body: dict[str, object] = {
        "error": error or row.error,
        "error_description": description,
        "error_codes": [refused.code],
        "timestamp": timestamp,
        "trace_id": trace_id,
        "correlation_id": correlation_id,
        "error_uri": f"{login}/error?code={refused.code}",
    }
    if row.error == "invalid_grant":
        body["suberror"] = "message_only"
    return msgspec.json.encode(body)
