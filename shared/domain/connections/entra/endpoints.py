"""Which pair of hosts a connection may use: a cloud's own, or one that the operator allows."""

from collections.abc import Sequence
from typing import Final

from shared.domain.connections.connection import CLOUD_ENDPOINTS, Cloud, Endpoints
from shared.errors import Rejected

#: The second name of China's login service, which its portal shows.
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
    """Return the pair for a cloud, with a person's overrides. `default` is the pair of the cloud called global.

    Raises: Rejected unless the pair is a cloud's own or among `allowed`: whoever chooses the hosts receives the
    secret and the token, and tokens of one cloud are worth nothing in another.
    """
    own = default if cloud is Cloud.GLOBAL else CLOUD_ENDPOINTS[cloud]
    pair = Endpoints(login=_origin(login) or own.login, graph=_origin(graph) or own.graph)
    known = [default, *CLOUD_ENDPOINTS.values(), CHINA_BY_PARTNER, *allowed]
    if pair in known:
        return pair
    if pair.login in {each.login for each in known} and pair.graph in {each.graph for each in known}:
        raise Rejected(
            "The login endpoint and the Graph endpoint belong to two different clouds; choose one cloud for both.",
            code="endpoints_mixed",
        )
    raise Rejected(
        "This endpoint is not on the list; leave both endpoints empty and choose the cloud, or ask the operator.",
        code="endpoint_not_allowed",
    )


def _origin(text: str | None) -> str | None:
    return text.strip().rstrip("/").lower() if text and text.strip() else None
