"""Latencies and statuses of the requests."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from typing import Final

#: Names of the latencies: what is compared, and with what.
GET: Final = "get"
BARE: Final = "bare table read"


@dataclass(slots=True)
class Samples:
    """What the requests of a period have led to."""

    latencies_s: dict[str, list[float]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    #: Requests that were answered otherwise than expected, and not with 429; by request and answer.
    errors: Counter[str] = field(default_factory=Counter)
    #: Latencies of the `GET` requests, by path without ids and query.
    by_path_s: dict[str, list[float]] = field(default_factory=dict)

    def add(self, kind: str, latency_s: float, status: int, *, wanted: Sequence[range], what: str, code: str) -> None:
        """Add a request. Its latency counts if it was not limited."""
        self.statuses[status] += 1
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return
        self.latencies_s.setdefault(kind, []).append(latency_s)
        if kind == GET:
            self.by_path_s.setdefault(what, []).append(latency_s)
        if not any(status in statuses for statuses in wanted):
            self.errors[f"{what}: {status} {code}".strip()] += 1

    def percentile_s(self, kind: str, percent: float) -> float:
        """Return the latency that this percentage of the requests did not exceed. Raises ValueError without any."""
        return percentile(self.latencies_s.get(kind, []), percent)


def slowest_paths(samples: Samples) -> Mapping[str, int]:
    """Return the 99th percentile of each path of the `GET` requests, in milliseconds, the slowest first."""
    found = {path: round(1_000 * percentile(values, 99)) for path, values in samples.by_path_s.items()}
    return dict(sorted(found.items(), key=lambda entry: -entry[1]))


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least this percentage of the values do not exceed. Raises ValueError for none.

    Source: the nearest-rank method, https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method
    """
    if not values:
        raise ValueError("no value was measured")
    return sorted(values)[max(0, ceil(percent / 100 * len(values)) - 1)]


def figures(samples: Samples) -> Mapping[str, float]:
    """Return the figures of the latencies, in milliseconds, and the numbers of requests and errors."""
    p99, bare = samples.percentile_s(GET, 99), samples.percentile_s(BARE, 99)
    return {
        "requests": sum(samples.statuses.values()),
        "limited": samples.statuses[HTTPStatus.TOO_MANY_REQUESTS],
        "errors": sum(samples.errors.values()),
        "gets": len(samples.latencies_s[GET]),
        "get_p50_ms": 1_000 * samples.percentile_s(GET, 50),
        "get_p99_ms": 1_000 * p99,
        "table_p50_ms": 1_000 * samples.percentile_s(BARE, 50),
        "table_p99_ms": 1_000 * bare,
        "get_to_table_p99": p99 / bare,
    }
