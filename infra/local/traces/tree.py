"""Prints traces: a list of them, or one as a tree."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from infra.local.traces.otlp_files import Span

#: Attributes that are printed behind the name of a span.
_SHOWN: Final = ("tenant", "run", "job", "status", "error.type")


def by_trace(spans: Sequence[Span]) -> dict[str, list[Span]]:
    """Return the spans of each trace, in the order in which the traces began."""
    traces: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        traces[span.trace].append(span)
    return dict(traces)


def matching(spans: Sequence[Span], word: str) -> dict[str, list[Span]]:
    """Return the traces whose id begins with `word`, or that have a span with the tenant or run `word`."""
    return {
        trace: of_trace
        for trace, of_trace in by_trace(spans).items()
        if trace.startswith(word) or any(word in _names(span) for span in of_trace)
    }


def summary(trace: str, spans: Sequence[Span]) -> str:
    """Return a trace as one line: id, duration, number of spans, first span, tenants and runs."""
    duration_s = (max(span.ended_ns for span in spans) - spans[0].started_ns) / 1e9
    named = sorted({name for span in spans for name in _names(span)})
    return f"{trace}  {duration_s:8.2f} s  {len(spans):5} spans  {spans[0].name}  {' '.join(named)}".rstrip()


def tree(trace: str, spans: Sequence[Span]) -> Iterator[str]:
    """Yield the lines of a trace as a tree. Equal requests in a row are one line with their number."""
    known = {span.id for span in spans}
    children: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        children[span.parent if span.parent in known else ""].append(span)
    yield summary(trace, spans)
    yield from _branches(children, "", "")


def _branches(children: dict[str, list[Span]], parent: str, indent: str) -> Iterator[str]:
    rows = [list(same) for _, same in groupby(children[parent], key=lambda span: _key(span, children))]
    for row in rows:
        is_last = row is rows[-1]
        yield f"{indent}{'└─ ' if is_last else '├─ '}{_line(row)}"
        yield from _branches(children, row[0].id, indent + ("   " if is_last else "│  "))


def _key(span: Span, children: dict[str, list[Span]]) -> str:
    """Return a key that consecutive spans share if they are printed as one."""
    return span.id if children.get(span.id) else f"{span.name} {_details(span)}"


def _line(spans: Sequence[Span]) -> str:
    duration_ms = sum(span.duration_ms for span in spans)
    times = f" x {len(spans)}" if len(spans) > 1 else ""
    links = f" (from {', '.join(spans[0].linked_traces)})" if spans[0].linked_traces and not spans[0].parent else ""
    failed = "  FAILED" if spans[0].has_failed else ""
    return f"{spans[0].name}{times}  {duration_ms:.1f} ms  {_details(spans[0])}{links}".rstrip() + failed


def _details(span: Span) -> str:
    return " ".join(str(span.attributes[name]) for name in _SHOWN if name in span.attributes)


def _names(span: Span) -> list[str]:
    return [str(span.attributes[name]) for name in ("tenant", "run") if name in span.attributes]
