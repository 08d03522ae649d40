"""The managed identity endpoint of App Service, for the operator's own resources.

Source: https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

import hmac
import time
from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from infra.local.entra.http.answers import Answer
from infra.local.entra.state.generate import stable_uuid
from infra.local.entra.state.simulator import State
from infra.local.entra.state.tokens import Principal

_HEADER = "x-identity-header"
_SECRET = "IDENTITY_HEADER"  # noqa: S105 - the name of a variable
_CONTENT_TYPE = "application/json; charset=utf-8"
_LIFETIME_S = 86_400
#: Tokens that are exchanged for those of an application have the issuer of the v2.0 endpoint.
_EXCHANGE = "api://AzureADTokenExchange"


def managed_identity(state: State, parameters: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
    """Return a token for the requested `resource`, or 401 without the right `X-IDENTITY-HEADER`."""
    expected = state.environment.get(_SECRET, "")
    if not expected or not hmac.compare_digest(headers.get(_HEADER, "").encode(), expected.encode()):
        return _failed(HTTPStatus.UNAUTHORIZED, "The header X-IDENTITY-HEADER is missing or wrong.")
    resource = parameters.get("resource")
    if not resource or not parameters.get("api-version"):
        return _failed(HTTPStatus.BAD_REQUEST, "The parameters resource and api-version are required.")
    speaker = Principal(
        tid=state.operator_tenant_id,
        oid=stable_uuid("managed identity object", "operator"),
        appid=parameters.get("client_id") or stable_uuid("managed identity", "operator"),
    )
    issuer = f"{state.login}/{speaker.tid}/v2.0" if resource.startswith(_EXCHANGE) else None
    token = state.tokens.issue(speaker, audience=resource, lifetime_s=_LIFETIME_S, issuer=issuer)
    body = {
        "access_token": token,
        "expires_on": str(int(time.time()) + _LIFETIME_S),
        "resource": resource,
        "token_type": "Bearer",
        "client_id": speaker.appid,
    }
    state.metrics.note("GET identity", "operator", HTTPStatus.OK)
    return Answer(body=msgspec.json.encode(body), content_type=_CONTENT_TYPE)


def _failed(status: HTTPStatus, message: str) -> Answer:
    body = {"statusCode": int(status), "message": message}
    return Answer(status=status, body=msgspec.json.encode(body), content_type=_CONTENT_TYPE)
