"""Request counts."""

from collections import Counter
from http import HTTPStatus


class Metrics:
    """Requests since the start or the last reset, by kind, directory and status."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.units = 0  #: does not include the cost of refused requests
        self.bytes_sent = 0
        self.refused = (
            0  #: refused by 429, by the limit or a fault; parts of a batch are counted in addition to the batch
        )
        self.sent_while_waiting = 0  #: sent during a `Retry-After` time (see `waits`), including parts of a batch

    def clear(self) -> None:
        """Reset all counts."""
        self.requests.clear()
        self.units = self.bytes_sent = self.refused = self.sent_while_waiting = 0

    def note(self, kind: str, directory: str, status: int, *, units: int = 0, sent: int = 0) -> None:
        """Count one answered request."""
        self.requests[kind, directory, status] += 1
        self.units += units
        self.bytes_sent += sent
        self.refused += status == HTTPStatus.TOO_MANY_REQUESTS

    def report(self) -> dict[str, object]:
        """Return all counts as JSON."""
        by_kind: Counter[str] = Counter()
        by_status: Counter[str] = Counter()
        by_directory: dict[str, Counter[str]] = {}
        for (kind, directory, status), count in self.requests.items():
            by_kind[kind] += count
            by_status[str(status)] += count
            by_directory.setdefault(directory, Counter())[kind] += count
        return {
            "total": self.requests.total(),
            "by_kind": by_kind,
            "by_status": by_status,
            "by_directory": by_directory,
            "resource_units": self.units,
            "bytes_sent": self.bytes_sent,
            "refused": self.refused,
            "sent_while_waiting": self.sent_while_waiting,
        }
