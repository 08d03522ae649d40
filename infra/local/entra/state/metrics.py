"""Counts of what was asked."""

from collections import Counter
from http import HTTPStatus


class Metrics:
    """Requests since start or the last clearing, by kind, directory and status."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.units = 0  #: what refused requests would have cost is not among them
        self.bytes_sent = 0
        self.refused = 0  #: by 429, on request or not; parts of a batch are counted beside the batch
        self.sent_while_waiting = 0  #: as `waits` has it, parts of a batch too

    def clear(self) -> None:
        """Begins anew."""
        self.requests.clear()
        self.units = self.bytes_sent = self.refused = self.sent_while_waiting = 0

    def note(self, kind: str, directory: str, status: int, *, units: int = 0, sent: int = 0) -> None:
        """One request was answered."""
        self.requests[kind, directory, status] += 1
        self.units += units
        self.bytes_sent += sent
        self.refused += status == HTTPStatus.TOO_MANY_REQUESTS

    def report(self) -> dict[str, object]:
        """All counts, as JSON."""
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
