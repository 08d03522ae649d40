"""Reads the OTLP files that the product writes to `TELEMETRY_FOLDER`: one message of JSON a line.

Source: https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

#: Value of `status.code` of a failed span.
#: Source: https://github.com/open-telemetry/opentelemetry-proto (trace.proto, Status)
_ERROR: Final = 2


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A span. Times are in nanoseconds since 1970."""

    trace: str
    id: str
    #: Id of the parent, of this or another process; empty for none.
    parent: str
    name: str
    started_ns: int
    ended_ns: int
    attributes: Mapping[str, Any]
    has_failed: bool
    #: Ids of the traces of the spans that it links to.
    linked_traces: tuple[str, ...]

    @property
    def duration_ms(self) -> float:
        """Duration in milliseconds."""
        return (self.ended_ns - self.started_ns) / 1e6


def read_spans(folder: Path) -> list[Span]:
    """Return the spans of all processes, sorted by their start. A line that is being written is left out."""
    spans = [
        _span(given)
        for message in messages(folder, "traces")
        for resource in message["resourceSpans"]
        for scope in resource["scopeSpans"]
        for given in scope["spans"]
    ]
    return sorted(spans, key=lambda span: span.started_ns)


def messages(folder: Path, signal: str) -> Iterator[dict[str, Any]]:
    """Iterate over the messages of a signal: `traces`, `metrics` or `logs`."""
    for path in sorted(folder.glob(f"{signal}-*.jsonl")):
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield msgspec.json.decode(line)


def attributes_of(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return OTLP attributes as a mapping. Whole numbers are texts in OTLP's JSON."""
    values = {pair["key"]: next(iter(pair["value"].items())) for pair in pairs}
    return {name: int(value) if kind == "intValue" else value for name, (kind, value) in values.items()}


def _span(given: dict[str, Any]) -> Span:
    return Span(
        trace=given["traceId"],
        id=given["spanId"],
        parent=given.get("parentSpanId", ""),
        name=given["name"],
        started_ns=int(given["startTimeUnixNano"]),
        ended_ns=int(given["endTimeUnixNano"]),
        attributes=attributes_of(given.get("attributes", [])),
        has_failed=given.get("status", {}).get("code") == _ERROR,
        linked_traces=tuple(link["traceId"] for link in given.get("links", [])),
    )
