"""A request as it arrived over the network or in a batch."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that has not been parsed or authorised yet."""

    method: str
    url: str  #: raw path and query; the version is included, unless in a batch
    headers: Mapping[str, str]  #: names in lower case
    body: bytes = b""
    in_batch: bool = False
    came_s: float = 0.0  #: arrival by the simulated clock; a part of a batch arrived with the batch
