"""Allowed endpoints of a connection: the pairs of the Microsoft clouds and pairs that the operator has allowed."""

from collections.abc import Sequence
from typing import Final

from shared.domain.connections.entra.credentials import CLOUD_ENDPOINTS, Cloud, Endpoints
from shared.errors import Rejected

#: The second host name of the login service in China, shown in its portal.
#: Source: https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud
CHINA_BY_PARTNER: Final = Endpoints(
    login="https://login.partner.microsoftonline.cn", graph=CLOUD_ENDPOINTS[Cloud.CHINA].graph
)


def resolve(
    cloud: Cloud,
    login: str | None,
    graph: str | None,
    *,
    default: Endpoints,
    allowed: Sequence[Endpoints],
) -> Endpoints:
    """Return the endpoints of a cloud with the entered overrides. `default` is the pair for the cloud `global`.

    Raises Rejected unless the pair belongs to one cloud or is in `allowed`. The hosts receive the secret and the token,
    so they must be trusted; tokens of one cloud are not valid in another.
    """
    own = default if cloud is Cloud.GLOBAL else CLOUD_ENDPOINTS[cloud]
    pair = Endpoints(login=_origin(login) or own.login, graph=_origin(graph) or own.graph)
    trusted = [default, *CLOUD_ENDPOINTS.values(), CHINA_BY_PARTNER, *allowed]
    if pair in trusted:
        return pair
    if pair.login in {endpoints.login for endpoints in trusted} and pair.graph in {
        endpoints.graph for endpoints in trusted
    }:
        raise Rejected(
            "The login endpoint and the Graph endpoint belong to two different clouds. Both must belong to one cloud.",
            code="endpoints_mixed",
        )
    raise Rejected(
        "This endpoint is not on the list of allowed endpoints. The operator can add it.",
        code="endpoint_not_allowed",
    )


def _origin(text: str | None) -> str | None:
    return text.strip().rstrip("/").lower() if text and text.strip() else None
