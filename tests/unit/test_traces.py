"""Traces are printed as a tree."""

from infra.local.traces.otlp_files import Span
from infra.local.traces.tree import matching, summary, tree


def span(id_: str, parent: str, name: str, **attributes: object) -> Span:
    """Return a span of 10 ms; its id is also the time at which it starts."""
    start = int(id_) * 1_000_000
    return Span(
        trace="abc",
        id=id_,
        parent=parent,
        name=name,
        started_ns=start,
        ended_ns=start + 10_000_000,
        attributes=attributes,
        has_failed=name == "finish",
        linked_traces=(),
    )


SPANS = [
    span("1", "remote", "fetch_jobs"),
    span("2", "1", "fetch", tenant="contoso", run="r"),
    span("3", "2", "GET table Runs"),
    span("4", "2", "GET table Runs"),
    span("5", "2", "GET graph /users"),
    span("6", "2", "GET table Runs"),
    span("7", "1", "finish"),
]


def test_a_tree_has_a_line_for_each_span_and_one_for_equal_requests_in_a_row() -> None:
    """With durations, ids and failures; the parent of the first is in another process."""
    assert list(tree("abc", SPANS)) == [
        "abc      0.02 s      7 spans  fetch_jobs  contoso r",
        "└─ fetch_jobs  10.0 ms",
        "   ├─ fetch  10.0 ms  contoso r",
        "   │  ├─ GET table Runs x 2  20.0 ms",
        "   │  ├─ GET graph /users  10.0 ms",
        "   │  └─ GET table Runs  10.0 ms",
        "   └─ finish  10.0 ms  FAILED",
    ]


def test_traces_are_found_by_tenant_run_and_id() -> None:
    """By the beginning of the id."""
    assert [list(matching(SPANS, word)) for word in ("contoso", "r", "ab", "cont")] == [["abc"], ["abc"], ["abc"], []]
    assert summary("abc", SPANS).startswith("abc")
