"""A request as it came over the wire, or in a batch."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Not looked at yet."""

    method: str
    url: str  #: raw path and query; the version is included, unless in a batch
    headers: Mapping[str, str]  #: names in lower case
    body: bytes = b""
    in_batch: bool = False
    came_s: float = 0.0  #: when, by the simulator's clock; a part of a batch came with it
